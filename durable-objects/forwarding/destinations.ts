/** Destinations: finds where messages go, and sends each destination its messages. */

import type { Destination } from '../../core/exchange/binding.ts';
import { namesByKind, type DestinationBatch } from '../../core/exchange/destination-batches.ts';
import { routedHeaders } from '../../core/exchange/routed-headers.ts';
import { addressedBatches, type Definitions } from '../../core/topology/routing/destination-addresses.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import { keyRequired } from '../../core/topology/topic-record.ts';
import { isCompacted, type TopicDefinition } from '../../core/topology/topics.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import type { RecordInput } from '../../protocol/record-batch/index.ts';
import { exchangeNameOf } from '../../protocol/schemas/exchanges.ts';
import type { Env } from '../env.ts';
import { topologyStub } from '../stubs.ts';
import { gone, handOver } from './hand-over.ts';
import { batchesOf, type Messages } from './messages.ts';

/** A definition is of some kilobytes where many alerts watch a queue. */
const DEFINITIONS_AT_ONCE = 500;

/** Returns the destination of a target that needs no routing. */
export function directDestination(target: { queue: string } | { topic: string }): Destination {
  return 'queue' in target ? { kind: 'queue', name: target.queue } : { kind: 'topic', name: target.topic };
}

/** Returns the destinations of each message that an exchange routes. */
export async function throughExchange<Record extends RecordInput>(
  env: Env,
  namespace: string,
  written: string,
  { records }: Messages<Record>,
  routingKeyOf: (record: Record) => string,
): Promise<Destination[][] | Failure> {
  const exchange = exchangeNameOf(written);
  const topology = topologyStub(env, namespace);
  if (!(await topology.exchange(exchange)).exchange) {
    return failure('exchange_not_found', `there is no exchange "${written}"`);
  }
  const routed = records.map((record) => ({
    routingKey: routingKeyOf(record),
    headers: routedHeaders(record.headers ?? []),
  }));
  const destinations: Destination[][] = [];
  while (destinations.length < routed.length)
    destinations.push(...(await topology.route(exchange, routed.slice(destinations.length))));
  return destinations;
}

/** Asks the topology for the definitions of all destinations, of so many at once that an answer stays small. */
export async function definitionsOf(
  env: Env,
  namespace: string,
  batches: readonly DestinationBatch[],
): Promise<Definitions> {
  const definitions = {
    queues: new Map<string, QueueDefinition>(),
    topics: new Map<string, TopicDefinition>(),
  };
  for (let first = 0; first < batches.length; first += DEFINITIONS_AT_ONCE) {
    const names = namesByKind(batches.slice(first, first + DEFINITIONS_AT_ONCE));
    const { queues, topics } = await topologyStub(env, namespace).definitions(names.queues, names.topics);
    for (const queue of queues as QueueDefinition[]) definitions.queues.set(queue.name, queue);
    for (const topic of topics as TopicDefinition[]) definitions.topics.set(topic.name, topic);
  }
  return definitions;
}

/**
 * Sends a destination its messages, one partition after another.
 * @param source the name of the sender, and the number of the first message: the same whenever they are sent. `numbers`: of each.
 *   null: a queue may store them twice
 * @param keyless chooses the partition of messages without a key
 * @returns null if the destination has stored them; else why not, and it may have stored some
 */
export async function sendTo(
  env: Env,
  definitions: Definitions,
  batch: DestinationBatch,
  messages: Messages,
  source: { name: string; firstNumber: number; numbers?: number[] } | null,
  keyless: number,
): Promise<Failure | null> {
  const { kind, name } = batch.destination;
  const keyOf = (index: number): Uint8Array | null => messages.records[index]!.key;
  const topic = definitions.topics.get(name);
  if (kind === 'topic' && topic && isCompacted(topic.config)) {
    if (batch.indexes.some((index) => keyOf(index) === null)) return keyRequired(topic);
  }
  const addressed = addressedBatches(definitions, batch, keyOf, (partitions) => keyless % partitions);
  if (addressed.length === 0) return gone(kind as 'queue' | 'topic', name);
  for (const { destination, indexes } of addressed) {
    const bytes = batchesOf(
      messages,
      indexes,
      destination.kind === 'topic' ? destination.bytesMax : Infinity,
    );
    const numberOf = (index: number): number => source?.numbers?.[index] ?? source!.firstNumber + index;
    const numbers = source && indexes.map(numberOf);
    const numbered = source && numbers && { name: source.name, firstNumber: numbers[0]!, numbers };
    const failed = await handOver(env, destination, bytes, numbered);
    if (failed) return failed;
  }
  return null;
}
