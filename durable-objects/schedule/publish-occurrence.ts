/**
 * Occurrence publishing: publishes the message of an occurrence. A queue takes it once by the number of the publish,
 * however often it is sent. A topic recognises only the message id, and may hold it twice after a crash.
 */

import { routedHeaders } from '../../core/exchange/routed-headers.ts';
import { type Publish, messageIdOf } from '../../core/schedules/occurrences.ts';
import type { QueueDefinition } from '../../core/topology/queues.ts';
import { sentMessage } from '../../core/schedules/schedule-message.ts';
import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import { isCompacted, type TopicDefinition } from '../../core/topology/topics.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { bytesOfText } from '../../protocol/json/json-bytes.ts';
import { recordOfMessage } from '../../protocol/schemas/messages.ts';
import { partitionForKey } from '../../protocol/murmur2.ts';
import { encodeBatch, type RecordInput } from '../../protocol/record-batch/index.ts';
import { isStale } from '../rpc/stale.ts';
import { partitionStub, queueStub, topologyStub } from '../stubs.ts';
import type { Env } from '../env.ts';

/** Headers that say what a message came from. */
export const SCHEDULE_HEADER = 'posthorn-schedule';
export const SCHEDULED_FOR_HEADER = 'posthorn-scheduled-for';

export type PublishResult =
  | { outcome: 'published' | 'unroutable' }
  /** No retry can succeed. */
  | { outcome: 'failed'; cause: Failure }
  /** The queue refused it, and with it the number of the publish. */
  | { outcome: 'refused'; cause: Failure };

/** @throws if it may have been stored or not, and is to be tried again with the same number */
export async function publishOccurrence(
  env: Env,
  schedule: ScheduleDefinition,
  publish: Publish,
  nowMs: number,
): Promise<PublishResult> {
  const { target } = schedule.config;
  const topology = topologyStub(env, schedule.namespace);
  if ('queue' in target) {
    const { queue } = await topology.queue(target.queue);
    if (queue === null) return failed(failure('queue_not_found', `there is no queue "${target.queue}"`));
    return await toQueue(
      env,
      queue as QueueDefinition,
      schedule,
      publish,
      recordFor(schedule, publish, nowMs),
    );
  }
  if ('topic' in target) {
    const { topic } = await topology.topic(target.topic);
    if (topic === null) return failed(failure('topic_not_found', `there is no topic "${target.topic}"`));
    const key = target.key === undefined ? null : bytesOfText(target.key);
    const record = { ...recordFor(schedule, publish, nowMs), key };
    return await toTopic(env, topic as TopicDefinition, publish, record);
  }
  return await toExchange(env, schedule, target, publish, nowMs);
}

/** The message as it is stored. A text says what is wrong with it. */
export function recordFor(schedule: ScheduleDefinition, publish: Publish, nowMs: number): RecordInput {
  const { message, target } = schedule.config;
  const route =
    'exchange' in target ? { exchange: target.exchange, routingKey: target.routing_key } : undefined;
  const stamped = {
    ...sentMessage(message),
    headers: {
      ...message.headers,
      [SCHEDULE_HEADER]: schedule.name,
      [SCHEDULED_FOR_HEADER]: new Date(publish.occurrenceMs).toISOString(),
    },
    properties: { ...message.properties, message_id: messageIdOf(schedule, publish) },
  };
  const record = recordOfMessage(stamped, nowMs, route);
  if (typeof record === 'string') throw new Error(`a schedule has a message that cannot be: ${record}`);
  return record;
}

async function toExchange(
  env: Env,
  schedule: ScheduleDefinition,
  target: { exchange: string; routing_key: string },
  publish: Publish,
  nowMs: number,
): Promise<PublishResult> {
  const topology = topologyStub(env, schedule.namespace);
  const { exchange } = await topology.exchange(target.exchange);
  if (exchange === null) {
    return failed(failure('exchange_not_found', `there is no exchange "${target.exchange}"`));
  }
  const record = recordFor(schedule, publish, nowMs);
  const headers = routedHeaders(record.headers ?? []);
  const [destinations = []] = await topology.route(target.exchange, [
    { routingKey: target.routing_key, headers },
  ]);
  const namesOf = (kind: string): string[] =>
    destinations.flatMap((one) => (one.kind === kind ? [one.name] : []));
  const { queues, topics } = await topology.definitions(namesOf('queue'), namesOf('topic'));
  if (queues.length + topics.length === 0) return { outcome: 'unroutable' };
  const results = await Promise.all([
    ...(queues as QueueDefinition[]).map((queue) => toQueue(env, queue, schedule, publish, record)),
    ...(topics as TopicDefinition[]).map((topic) => toTopic(env, topic, publish, record)),
  ]);
  // A refusal of one destination does not repeat the publish, because the others have stored it.
  const wrong = results.find((result) => 'cause' in result);
  return wrong ? failed(wrong.cause) : { outcome: 'published' };
}

async function toQueue(
  env: Env,
  queue: QueueDefinition,
  schedule: ScheduleDefinition,
  publish: Publish,
  record: RecordInput,
): Promise<PublishResult> {
  const source = { name: `schedule ${schedule.name}#${schedule.id}`, firstNumber: publish.number };
  const published = await queueStub(env, queue).publish(queue.version, encodeBatch([record]), { source });
  if (isStale(published)) {
    await topologyStub(env, queue.namespace).propagateOne('queue', queue.name);
    throw new Error(`queue ${queue.name} has another definition by now`);
  }
  if (isFailure(published)) throw new Error(published.message);
  const isRefused = published.exceptions.some(({ outcome }) => outcome === 'rejected');
  if (!isRefused) return { outcome: 'published' };
  return {
    outcome: 'refused',
    cause: failure('queue_full', `queue "${queue.name}" is full and refuses messages`),
  };
}

async function toTopic(
  env: Env,
  topic: TopicDefinition,
  publish: Publish,
  record: RecordInput,
): Promise<PublishResult> {
  const { partitions, max_batch_bytes: bytesMax } = topic.config;
  const { key } = record;
  if (key === null && isCompacted(topic.config)) {
    return failed(
      failure('key_required', `topic "${topic.name}" is compacted and takes only records with a key`),
    );
  }
  const bytes = encodeBatch([record]);
  if (bytes.length > bytesMax) {
    return failed(failure('record_too_large', `topic "${topic.name}" takes batches of ${bytesMax} bytes`));
  }
  const partition = key === null ? publish.id % partitions : partitionForKey(key, partitions);
  const appended = await partitionStub(env, topic, partition).append(topic.version, bytes, {
    isHandedOn: true,
  });
  if (isStale(appended)) {
    await topologyStub(env, topic.namespace).propagateOne('topic', topic.name);
    throw new Error(`topic ${topic.name} has another definition by now`);
  }
  if (isFailure(appended)) throw new Error(appended.message);
  return { outcome: 'published' };
}

function failed(cause: Failure): PublishResult {
  return { outcome: 'failed', cause };
}
