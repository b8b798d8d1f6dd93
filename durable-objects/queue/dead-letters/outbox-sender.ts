/**
 * Outbox sender: takes dead letters and replayed messages from the outbox of a queue to their targets, in order. It
 * sends each at least once. A queue remembers the last number that it took, so it stores each once; a topic has no such
 * memory, and the row only notes which destinations are done if others failed.
 *
 * A message that cannot be sent stays, with all behind it. If others overtook it, its destination would treat it as a
 * duplicate. If a destination was deleted after routing, the row is routed again.
 */

import type { Destination } from '../../../core/exchange/binding.ts';
import { letterThrough } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import { historyOf, textOf } from '../../../core/queue/dead-letters/death-headers.ts';
import {
  isBeyondHopLimit,
  routeLetters,
  routeReplayed,
  type LetterRoutes,
} from '../../../core/queue/dead-letters/letter-routes.ts';
import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import { isCompacted } from '../../../core/topology/topics.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { ROUTING_KEY_HEADER } from '../../../protocol/schemas/messages.ts';
import type { DeadLetterConfig } from '../../../protocol/schemas/queues.ts';
import { definitionsOf, directDestination, sendTo, throughExchange } from '../../forwarding/destinations.ts';
import { messagesIn, type Messages } from '../../forwarding/messages.ts';
import { topologyStub } from '../../stubs.ts';
import type { Env } from '../../env.ts';
import type { OutboxRow } from './outbox-store.ts';
import type { StoredQueue } from '../stored-queue.ts';

/** @returns why messages could not be sent, which stay in the outbox; null if all were */
export async function sendOutbox(
  env: Env,
  definition: QueueDefinition,
  queue: StoredQueue,
): Promise<string | null> {
  for (let row = queue.nextOutbox(); row !== null; row = queue.nextOutbox()) {
    const failed = await sendRow(env, definition, queue, row);
    if (failed) return `${failed.message}; they wait`;
  }
  return null;
}

async function sendRow(
  env: Env,
  definition: QueueDefinition,
  queue: StoredQueue,
  row: OutboxRow,
): Promise<Failure | null> {
  const { dead_letter: target } = definition.config;
  const isThroughExchange = row.target === '' && target !== null && target !== 'none' && 'exchange' in target;
  const messages = messagesIn(
    row.data,
    isThroughExchange ? (record) => letterThrough(record, target, definition.name) : undefined,
  );
  const routes = await routesOf(env, definition, row.target, messages);
  if (isFailure(routes)) return routes;
  const { batches, discarded } = routes;
  const definitions = await definitionsOf(env, definition.namespace, batches);
  const source = { name: `${definition.name}#${definition.id}`, firstNumber: row.number };
  const done = row.done === '' ? [] : row.done.split('\n');
  const before = done.length;
  const hasKey = (index: number): boolean => messages.records[index]!.key !== null;
  for (const { destination, indexes } of batches) {
    const { kind, name } = destination;
    if (done.includes(`${kind} ${name}`)) continue;
    const topic = kind === 'topic' ? definitions.topics.get(name) : undefined;
    const taken = topic && isCompacted(topic.config) ? indexes.filter(hasKey) : indexes;
    discarded.unroutable += indexes.length - taken.length;
    const batch = { destination, indexes: taken };
    const failed =
      taken.length === 0 ? null : await sendTo(env, definitions, batch, messages, source, row.number);
    if (failed) {
      if (done.length > before) queue.noteOutbox(row, done);
      return failed;
    }
    done.push(`${kind} ${name}`);
  }
  queue.removeOutbox(row, discarded);
  return null;
}

/** @param target of a replay, as JSON; empty: the messages are dead letters, and go where the queue says now */
async function routesOf(
  env: Env,
  definition: QueueDefinition,
  target: string,
  messages: Messages<LogRecord>,
): Promise<LetterRoutes | Failure> {
  if (target !== '') {
    const replayed = await destinationsOf(env, definition, JSON.parse(target) as DeadLetterConfig, messages);
    return isFailure(replayed) ? replayed : routeReplayed(replayed ?? []);
  }
  const destinations = await destinationsOf(env, definition, definition.config.dead_letter, messages);
  if (isFailure(destinations)) return destinations;
  const lastResort = messages.records.some(isBeyondHopLimit) ? await lastResortOf(env, definition) : null;
  return isFailure(lastResort) ? lastResort : routeLetters(messages.records, destinations, lastResort);
}

/** Returns the destinations of each message; null: they are dropped. */
async function destinationsOf(
  env: Env,
  definition: QueueDefinition,
  target: DeadLetterConfig | null,
  messages: Messages<LogRecord>,
): Promise<Destination[][] | Failure | null> {
  const toAll = (direct: { queue: string }): Destination[][] =>
    messages.records.map(() => [directDestination(direct)]);
  if (target === 'none') return null;
  if (target === null) {
    const queue = await defaultQueue(env, definition);
    return isFailure(queue) ? queue : toAll({ queue: queue.name });
  }
  if ('queue' in target) return toAll(target);
  return await throughExchange(
    env,
    definition.namespace,
    target.exchange,
    messages,
    (record) =>
      target.routing_key ??
      historyOf(record)[0]?.to?.[1] ??
      textOf(record, ROUTING_KEY_HEADER) ??
      definition.name,
  );
}

/** Returns `<queue>.dlq`, which is created if it does not exist. */
async function defaultQueue(
  env: Env,
  { namespace, name }: QueueDefinition,
): Promise<QueueDefinition | Failure> {
  const topology = topologyStub(env, namespace);
  const target = defaultDeadLetterQueue(name);
  const { queue } = await topology.queue(target);
  if (queue) return queue as QueueDefinition;
  const declared = await topology.declareQueue(namespace, target, { dead_letter: 'none' });
  return isFailure(declared) ? declared : (declared.queue as QueueDefinition);
}

/** Returns the target of letters beyond the hop limit; null if it would send them on. */
async function lastResortOf(env: Env, definition: QueueDefinition): Promise<Destination | null | Failure> {
  const queue = await defaultQueue(env, definition);
  if (isFailure(queue)) return queue;
  return queue.config.dead_letter === 'none' ? { kind: 'queue', name: queue.name } : null;
}
