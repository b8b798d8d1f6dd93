/**
 * Served APIs: which APIs and versions this front end has. The versions are those of Kafka's definitions, except where the table
 * says otherwise.
 */

import { APIS, type Versions } from './codec/message-table.ts';

export const API_VERSIONS = 18;

/** Names, and the last version if it is not the last of the definitions. */
const SERVED_APIS: readonly (readonly [name: string, last?: number])[] = [
  // Later versions name topics by their ids alone.
  ['Produce', 12],
  ['Fetch'],
  ['ListOffsets'],
  ['Metadata'],
  ['FindCoordinator'],
  ['JoinGroup'],
  ['SyncGroup'],
  ['Heartbeat'],
  ['LeaveGroup'],
  ['DescribeGroups'],
  ['ListGroups'],
  ['DeleteGroups'],
  ['OffsetCommit'],
  ['OffsetFetch'],
  ['OffsetDelete'],
  ['OffsetForLeaderEpoch'],
  ['ApiVersions'],
  ['SaslHandshake'],
  ['SaslAuthenticate'],
  ['CreateTopics'],
  ['DeleteTopics'],
  ['CreatePartitions'],
  ['DeleteRecords'],
  ['DescribeConfigs'],
  ['AlterConfigs'],
  ['IncrementalAlterConfigs'],
  ['InitProducerId', 5],
  // Later versions are spoken between brokers.
  ['AddPartitionsToTxn', 3],
  ['AddOffsetsToTxn'],
  // Later versions name topics by their ids alone.
  ['TxnOffsetCommit', 5],
  ['EndTxn'],
  ['DescribeLogDirs'],
  ['DescribeTopicPartitions'],
  ['ElectLeaders'],
  ['AlterPartitionReassignments'],
  ['ListPartitionReassignments'],
  ['ListConfigResources'],
  ['DescribeTransactions'],
  ['ListTransactions'],
  ['DescribeProducers'],
  ['DescribeCluster'],
  ['ConsumerGroupHeartbeat'],
  ['ConsumerGroupDescribe'],
  ['ShareGroupHeartbeat'],
  ['ShareGroupDescribe'],
  ['ShareFetch'],
  ['ShareAcknowledge'],
  ['DescribeShareGroupOffsets'],
  ['AlterShareGroupOffsets'],
  ['DeleteShareGroupOffsets'],
];

export const SERVED: ReadonlyMap<number, Versions> = new Map(
  [...APIS].flatMap(([key, { name, request }]) => {
    const served = SERVED_APIS.find(([each]) => each === name);
    if (served === undefined) return [];
    const [first, last] = request.versions;
    return [[key, [first, served[1] ?? last]] as const];
  }),
);

/** What ApiVersions says. A client of librdkafka before 2.11 expects Produce from 0, though it uses a later version. */
export const ADVERTISED: readonly { apiKey: number; minVersion: number; maxVersion: number }[] = [
  ...SERVED,
].map(([apiKey, [first, last]]) => ({ apiKey, minVersion: apiKey === 0 ? 0 : first, maxVersion: last }));

/**
 * With version 2 of transactions (KIP-890) clients do not name partitions before they write to them, and each transaction has an epoch
 * of its own. Clients that do not know it go on as before.
 */
const TRANSACTION_VERSION = 2;

export const ADVERTISED_FEATURES = {
  supportedFeatures: [{ name: 'transaction.version', minVersion: 0, maxVersion: TRANSACTION_VERSION }],
  finalizedFeaturesEpoch: 0,
  finalizedFeatures: [
    {
      name: 'transaction.version',
      minVersionLevel: TRANSACTION_VERSION,
      maxVersionLevel: TRANSACTION_VERSION,
    },
  ],
} as const;
