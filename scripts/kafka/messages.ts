/**
 * `npm run kafka:messages -- <folder>`: derives the table of Kafka's messages, `wire/kafka/codec/messages.json`, from Kafka's own
 * definitions. The folder is `common/message` of the package `org.apache.kafka:kafka-clients` (a jar is a zip archive).
 *
 * The table has what is needed to read and write bytes. It leaves out comments, and messages of APIs that no front end here needs.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const TABLE = join(import.meta.dirname, '../../wire/kafka/codec/messages.json');

const APIS = [
  ...['Produce', 'Fetch', 'ListOffsets', 'Metadata', 'OffsetCommit', 'OffsetFetch', 'FindCoordinator'],
  ...['JoinGroup', 'Heartbeat', 'LeaveGroup', 'SyncGroup', 'DescribeGroups', 'ListGroups', 'DeleteGroups'],
  ...['SaslHandshake', 'SaslAuthenticate', 'ApiVersions', 'DescribeCluster', 'DescribeTopicPartitions'],
  ...['CreateTopics', 'DeleteTopics', 'CreatePartitions', 'DeleteRecords', 'OffsetForLeaderEpoch'],
  ...['DescribeConfigs', 'AlterConfigs', 'IncrementalAlterConfigs', 'OffsetDelete'],
  ...['DescribeLogDirs', 'ElectLeaders', 'AlterPartitionReassignments', 'ListPartitionReassignments'],
  'ListConfigResources',
  ...['InitProducerId', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'EndTxn', 'TxnOffsetCommit'],
  ...['DescribeTransactions', 'ListTransactions', 'DescribeProducers'],
  ...['ConsumerGroupHeartbeat', 'ConsumerGroupDescribe'],
  ...['ShareGroupHeartbeat', 'ShareGroupDescribe', 'ShareFetch', 'ShareAcknowledge'],
  ...['DescribeShareGroupOffsets', 'AlterShareGroupOffsets', 'DeleteShareGroupOffsets'],
];
const OTHERS = ['RequestHeader', 'ConsumerProtocolSubscription', 'ConsumerProtocolAssignment'];

interface GivenField {
  name: string;
  type: string;
  versions: string;
  nullableVersions?: string;
  flexibleVersions?: string;
  default?: string | number | boolean;
  tag?: number;
  taggedVersions?: string;
  fields?: GivenField[];
}

interface GivenMessage {
  apiKey?: number;
  name: string;
  validVersions: string;
  flexibleVersions: string;
  fields: GivenField[];
  commonStructs?: { name: string; fields: GivenField[] }[];
}

const folder = process.argv[2];
if (folder === undefined) {
  console.error('npm run kafka:messages -- <the folder common/message of kafka-clients>');
  process.exit(2);
}
const names = [...APIS.flatMap((name) => [`${name}Request`, `${name}Response`]), ...OTHERS];
const lines = await Promise.all(names.map(async (name) => JSON.stringify(await messageOf(name))));
await writeFile(TABLE, `[\n${lines.join(',\n')}\n]\n`);
console.log(`${names.length} messages, ${lines.join().length} bytes`);

async function messageOf(name: string): Promise<object> {
  const text = await readFile(join(folder!, `${name}.json`), 'utf8');
  const given = JSON.parse(
    text.replaceAll(/^\s*\/\/.*$/gm, '').replaceAll(/(?<=[,{[}\]])\s*\/\/.*$/gm, ''),
  ) as GivenMessage;
  const structs = new Map(given.commonStructs?.map((struct) => [struct.name, struct.fields]));
  return {
    name,
    ...(given.apiKey !== undefined && { key: given.apiKey }),
    versions: given.validVersions,
    flexible: given.flexibleVersions,
    fields: given.fields.map((field) => fieldOf(field, structs)),
  };
}

function fieldOf(given: GivenField, structs: ReadonlyMap<string, GivenField[]>): object {
  const isArray = given.type.startsWith('[]');
  const type = isArray ? given.type.slice(2) : given.type;
  const fields = given.fields ?? structs.get(type);
  return {
    name: given.name.charAt(0).toLowerCase() + given.name.slice(1),
    type: `${isArray ? '[]' : ''}${fields ? 'struct' : type}`,
    versions: given.versions,
    ...(given.nullableVersions !== undefined && { nullable: given.nullableVersions }),
    ...(given.flexibleVersions !== undefined && { flexible: given.flexibleVersions }),
    ...(given.default !== undefined && { default: String(given.default) }),
    ...(given.tag !== undefined && { tag: given.tag, tagged: given.taggedVersions ?? given.versions }),
    ...(fields && { fields: fields.map((field) => fieldOf(field, structs)) }),
  };
}
