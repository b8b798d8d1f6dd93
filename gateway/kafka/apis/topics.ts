/** CreateTopics, DeleteTopics, CreatePartitions. */

import { PARTITIONS_MAX } from '../../../protocol/limits.ts';
import { isName, NAME_RULE } from '../../../protocol/names/name-rule.ts';
import type { TopicReply } from '../../../protocol/schemas/topics.ts';
import type { Topic, TopicDeclaration } from '../../../sdk/admin/topic-types.ts';
import { topicPath } from '../../../sdk/client/names.ts';
import { jsonBody, jsonOf } from '../../../sdk/client/transport.ts';
import { fromWire, toWire } from '../../../sdk/client/wire.ts';
import { asPosthornError } from '../../../sdk/errors.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { ZERO_UUID } from '../../../wire/kafka/codec/codec.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import { configsOf, fieldsOfConfigs, type GivenConfig } from '../topics/topic-configs.ts';
import { NODE_ID, type Handler, type Session } from '../session.ts';

const DONE: { errorCode: number; errorMessage: null } = { errorCode: ERRORS.NONE, errorMessage: null };

interface NewTopic {
  name: string;
  /** -1: the default, or as many as are assigned. */
  numPartitions: number;
  replicationFactor: number;
  assignments: { partitionIndex: number }[];
  configs: GivenConfig[];
}

export const createTopics: Handler<{ topics: NewTopic[]; validateOnly: boolean }> = async (
  session,
  { topics, validateOnly },
) => {
  const names = topics.map(({ name }) => name);
  return {
    topics: await Promise.all(
      topics.map(async (topic) => ({
        name: topic.name,
        ...(names.filter((name) => name === topic.name).length > 1
          ? kafkaFailure('INVALID_REQUEST', `the request names topic "${topic.name}" twice`)
          : await create(session, topic, validateOnly)),
      })),
    ),
  };
};

async function create(session: Session, topic: NewTopic, isDryRun: boolean): Promise<object> {
  const { directory } = session.client;
  const { name, numPartitions, assignments } = topic;
  if (!isName(name)) return kafkaFailure('INVALID_TOPIC_EXCEPTION', `expected ${NAME_RULE}`);
  const asked = numPartitions === -1 ? session.partitions : numPartitions;
  const partitions = assignments.length > 0 ? assignments.length : asked;
  if (partitions < 1 || partitions > PARTITIONS_MAX) {
    return kafkaFailure('INVALID_PARTITIONS', `${partitions} partitions; a topic has 1 to ${PARTITIONS_MAX}`);
  }
  if (topic.replicationFactor === 0 || topic.replicationFactor < -1) {
    return kafkaFailure('INVALID_REPLICATION_FACTOR', `replication factor ${topic.replicationFactor}`);
  }
  const fields = fieldsOfConfigs(topic.configs);
  if ('errorCode' in fields) return fields;
  try {
    if (isDryRun) {
      if (await directory.get(name)) return alreadyThere(name);
      return { ...DONE, topicId: ZERO_UUID, numPartitions: partitions, replicationFactor: 1 };
    }
    const { topic: declared, isNew } = await declare(session, name, { ...fields, partitions });
    const made = directory.note(declared);
    if (!isNew) return alreadyThere(name);
    return {
      ...DONE,
      topicId: made.uuid,
      numPartitions: partitions,
      replicationFactor: 1,
      configs: configsOf(made),
    };
  } catch (error) {
    return failureOf(error, 'topic');
  }
}

/** Whether a topic is new the broker alone knows: others make topics at the same time. */
async function declare(
  { client }: Session,
  name: string,
  declaration: TopicDeclaration,
): Promise<{ topic: Topic; isNew: boolean }> {
  const call = { method: 'PUT', path: topicPath(name), ...jsonBody(toWire(declaration)) } as const;
  return await client.transport.read(call, (reply) => ({
    topic: fromWire<Topic>(jsonOf<TopicReply>(reply)),
    isNew: reply.status === 201,
  }));
}

const alreadyThere = (name: string): KafkaFailure =>
  kafkaFailure('TOPIC_ALREADY_EXISTS', `topic "${name}" exists already`);

interface DeleteTopicsRequest {
  topics: { name: string | null; topicId: string }[];
  topicNames: string[];
}

/** From version 6 on topics may be named by their UUIDs. */
const TOPIC_IDS_VERSION = 6;

export const deleteTopics: Handler<DeleteTopicsRequest> = async (session, request, version) => {
  const asked =
    version < TOPIC_IDS_VERSION
      ? request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
      : request.topics;
  return {
    responses: await Promise.all(
      asked.map(async ({ name, topicId }) => ({ name, topicId, ...(await remove(session, name, topicId)) })),
    ),
  };
};

async function remove({ client }: Session, name: string | null, uuid: string): Promise<object> {
  try {
    const isById = name === null || uuid !== ZERO_UUID;
    const known = isById ? await client.directory.byUuid(uuid) : null;
    const found = await client.directory.get(isById ? (known?.topic ?? '') : name);
    if (isById && found?.uuid !== uuid) return kafkaFailure('UNKNOWN_TOPIC_ID', `there is no topic ${uuid}`);
    if (!found) return kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`);
    await client.topics.delete(found.topic);
    return { ...DONE, name: found.topic, topicId: found.uuid };
  } catch (error) {
    return failureOf(error, 'topic');
  }
}

interface NewPartitions {
  name: string;
  count: number;
  /** The brokers of each new partition; null: any. */
  assignments: { brokerIds: number[] }[] | null;
}

interface CreatePartitionsRequest {
  topics: NewPartitions[];
  validateOnly: boolean;
}

export const createPartitions: Handler<CreatePartitionsRequest> = async (
  session,
  { topics, validateOnly },
) => ({
  results: await Promise.all(
    topics.map(async (topic) => ({
      name: topic.name,
      ...(await addPartitions(session, topic, validateOnly)),
    })),
  ),
});

async function addPartitions(
  { client }: Session,
  { name, count, assignments }: NewPartitions,
  isDryRun: boolean,
): Promise<KafkaFailure | typeof DONE> {
  try {
    const found = await client.directory.get(name);
    if (!found) return kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`);
    if (count <= found.partitions || count > PARTITIONS_MAX) {
      const limits = `it has ${found.partitions}, and ${PARTITIONS_MAX} are the most`;
      return kafkaFailure('INVALID_PARTITIONS', `topic "${name}" cannot have ${count} partitions: ${limits}`);
    }
    const added = count - found.partitions;
    if (assignments !== null && !isAssignment(assignments, added)) {
      const text = `${added} partitions are added, each on the one broker, ${NODE_ID}`;
      return kafkaFailure('INVALID_REPLICA_ASSIGNMENT', text);
    }
    if (!isDryRun) await client.topics.change(name, { partitions: count });
    return DONE;
  } catch (cause) {
    return failureOf(asPosthornError(cause), 'topic');
  }
}

function isAssignment(assignments: readonly { brokerIds: number[] }[], added: number): boolean {
  const isOurs = ({ brokerIds }: { brokerIds: number[] }): boolean =>
    brokerIds.length === 1 && brokerIds[0] === NODE_ID;
  return assignments.length === added && assignments.every(isOurs);
}
