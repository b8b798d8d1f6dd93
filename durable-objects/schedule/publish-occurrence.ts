/**
 * Occurrence publishing: publishes the message of an occurrence. A queue takes it once by the number of the publish,
 * however often it is sent. A topic recognises only the message id, and may hold it twice after a crash.
 */

import { batchesByDestination, type DestinationBatch } from '../../core/exchange/destination-batches.ts';
import { type Publish, messageIdOf } from '../../core/schedules/occurrences.ts';
import { sentMessage } from '../../core/schedules/schedule-message.ts';
import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import { checkTopicRecord } from '../../core/topology/topic-record.ts';
import { isFailure, type ErrorCode, type Failure } from '../../protocol/errors.ts';
import { bytesOfText } from '../../protocol/json/json-bytes.ts';
import type { RecordInput } from '../../protocol/record-batch/index.ts';
import { exchangeNameOf } from '../../protocol/schemas/exchanges.ts';
import { recordOfMessage } from '../../protocol/schemas/messages.ts';
import { missingTraceHeaders } from '../../protocol/headers/trace-context.ts';
import { isGone } from '../forwarding/hand-over.ts';
import { definitionsOf, directDestination, sendTo, throughExchange } from '../forwarding/destinations.ts';
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

/** Failures that another attempt with the same number cannot change. */
const FINAL = new Set<ErrorCode>([
  'exchange_not_found',
  'queue_not_found',
  'topic_not_found',
  'key_required',
  'record_too_large',
  'queue_full',
]);

/** @throws if it may have been stored or not, and is to be tried again with the same number */
export async function publishOccurrence(
  env: Env,
  schedule: ScheduleDefinition,
  publish: Publish,
  nowMs: number,
): Promise<PublishResult> {
  const { namespace, name, id, config } = schedule;
  const { target } = config;
  const record = recordFor(schedule, publish, nowMs);
  const messages = { records: [record], bytes: null };
  const isRouted = 'exchange' in target;
  const destinations = isRouted
    ? await throughExchange(env, namespace, target.exchange, messages, () => target.routing_key)
    : [[directDestination(target)]];
  if (isFailure(destinations)) return { outcome: 'failed', cause: destinations };
  const batches = batchesByDestination(destinations);
  const definitions = await definitionsOf(env, namespace, batches);
  const source = { name: `schedule ${name}#${id}`, firstNumber: publish.number };
  const send = async (batch: DestinationBatch): Promise<Failure | null> => {
    const { kind, name: topicName } = batch.destination;
    const topic = kind === 'topic' ? definitions.topics.get(topicName) : undefined;
    const refused = topic ? checkTopicRecord(topic, record) : null;
    const untraced = refused && untracedRecordFor(schedule, publish, nowMs);
    // A trace never makes a publish fail.
    if (untraced && !checkTopicRecord(topic!, untraced)) {
      const fitting = { records: [untraced], bytes: null };
      return await sendTo(env, definitions, batch, fitting, source, publish.id);
    }
    return refused ?? (await sendTo(env, definitions, batch, messages, source, publish.id));
  };
  const results = await Promise.all(batches.map(send));
  // A destination that was deleted after routing is none.
  const reached = isRouted ? results.filter((result) => !isGone(result)) : results;
  if (reached.length === 0) return { outcome: 'unroutable' };
  const failures = reached.filter((result) => result !== null);
  const temporary = failures.find(({ code }) => !FINAL.has(code));
  if (temporary) throw new Error(temporary.message);
  const [cause] = failures;
  if (!cause) return { outcome: 'published' };
  // A refusal of one destination among several does not repeat the publish, because the others have stored it.
  return { outcome: !isRouted && cause.code === 'queue_full' ? 'refused' : 'failed', cause };
}

/** Returns the message as it is stored. */
function recordFor(schedule: ScheduleDefinition, publish: Publish, nowMs: number): RecordInput {
  const record = untracedRecordFor(schedule, publish, nowMs);
  const context = publish.trace ?? schedule.config.trace ?? null;
  const headers = record.headers ?? [];
  return context === null
    ? record
    : { ...record, headers: [...headers, ...missingTraceHeaders(headers, context)] };
}

/** The same without a trace context, but for one that the message itself has. */
function untracedRecordFor(schedule: ScheduleDefinition, publish: Publish, nowMs: number): RecordInput {
  const { message, target } = schedule.config;
  const route =
    'exchange' in target
      ? { exchange: exchangeNameOf(target.exchange), routingKey: target.routing_key }
      : undefined;
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
  const key = !('topic' in target) ? record.key : target.key === undefined ? null : bytesOfText(target.key);
  return { ...record, key };
}
