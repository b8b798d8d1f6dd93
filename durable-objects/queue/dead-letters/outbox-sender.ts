/**
 * Outbox sender: takes dead letters and replayed messages from the outbox of a queue to their targets, in order. It
 * sends each at least once. A queue remembers the last number that it took, so it stores each once; a topic has no such
 * memory, and the row only notes which destinations are done if others failed.
 *
 * A message that cannot be sent stays, with all behind it. If others overtook it, its destination would treat it as a
 * duplicate.
 */

import { routedHeaders } from '../../../core/exchange/routed-headers.ts';
import { hopsOf, historyOf, textOf } from '../../../core/queue/dead-letters/death-headers.ts';
import { isCycle } from '../../../core/queue/dead-letters/death-history.ts';
import { defaultDeadLetterQueue, type QueueDefinition } from '../../../core/topology/queues.ts';
import { isCompacted, type TopicDefinition } from '../../../core/topology/topics.ts';
import { isFailure } from '../../../protocol/errors.ts';
import { DEFAULT_EXCHANGE_PATH } from '../../../protocol/schemas/exchanges.ts';
import { BROKER_HOPS_MAX } from '../../../protocol/limits.ts';
import { ROUTING_KEY_HEADER } from '../../../protocol/schemas/messages.ts';
import { partitionForKey } from '../../../protocol/murmur2.ts';
import type { DeadLetterConfig } from '../../../protocol/schemas/queues.ts';
import { encodeBatch, type LogRecord } from '../../../protocol/record-batch/index.ts';
import { partitionStub, queueStub, topologyStub } from '../../stubs.ts';
import type { Env } from '../../env.ts';
import type { OutboxRow } from './outbox-store.ts';
import type { Discarded } from '../rows/parked-store.ts';
import { isStale } from '../../rpc/stale.ts';
import { withoutDamage } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import { recordsOf } from '../../../core/queue/deliver/stored-records.ts';
import type { StoredQueue } from '../stored-queue.ts';

interface Destination {
  kind: 'queue' | 'topic';
  name: string;
}

/** The messages of a row for one destination, by their place in it. */
interface DestinationBatch {
  destination: Destination;
  indexes: number[];
}

/** Why messages still wait, for the status of the queue. */
export class NotSent extends Error {}

/** @throws NotSent if the messages cannot be taken now: they stay in the outbox */
export async function sendOutbox(env: Env, definition: QueueDefinition, queue: StoredQueue): Promise<void> {
  for (let row = queue.nextOutbox(); row !== null; row = queue.nextOutbox()) {
    await new RowSender(env, definition, queue, row).send();
  }
}

class RowSender {
  readonly #env: Env;
  readonly #definition: QueueDefinition;
  readonly #queue: StoredQueue;
  readonly #row: OutboxRow;
  readonly #records: LogRecord[];
  readonly #discarded: Discarded = { cycle: 0, hop_limit: 0, unroutable: 0, dropped: 0 };

  constructor(env: Env, definition: QueueDefinition, queue: StoredQueue, row: OutboxRow) {
    this.#env = env;
    this.#definition = definition;
    this.#queue = queue;
    this.#row = row;
    // A placeholder of a damaged message goes on as an ordinary message, so that it does not die again at its target.
    this.#records = recordsOf(row.data).map(withoutDamage);
  }

  async send(): Promise<void> {
    const shares = await this.#batches();
    const done = new Set(this.#row.done === '' ? [] : this.#row.done.split('\n'));
    const before = done.size;
    const topology = topologyStub(this.#env, this.#definition.namespace);
    const namesOf = (kind: string): string[] =>
      shares.flatMap(({ destination }) => (destination.kind === kind ? [destination.name] : []));
    const known = await topology.definitions(namesOf('queue'), namesOf('topic'));
    try {
      for (const share of shares) {
        const { kind, name } = share.destination;
        if (done.has(`${kind} ${name}`)) continue;
        // Skips destinations that were deleted after routing.
        if (kind === 'queue') {
          const target = known.queues.find((one) => one.name === name);
          if (target) await this.#sendToQueue(target as QueueDefinition, share.indexes);
        } else {
          const target = known.topics.find((one) => one.name === name);
          if (target) await this.#sendToTopic(target as TopicDefinition, share.indexes);
        }
        done.add(`${kind} ${name}`);
      }
    } catch (error) {
      if (done.size > before) this.#queue.noteOutbox(this.#row, [...done]);
      throw error;
    }
    this.#queue.removeOutbox(this.#row, this.#discarded);
  }

  async #batches(): Promise<DestinationBatch[]> {
    const isReplay = this.#row.target !== '';
    const target = isReplay
      ? (JSON.parse(this.#row.target) as DeadLetterConfig)
      : this.#definition.config.dead_letter;
    const destinations = await this.#destinations(target);
    const shares = new Map<string, DestinationBatch>();
    for (const [index, record] of this.#records.entries()) {
      const history = historyOf(record);
      let mine = destinations[index]!;
      if (!isReplay && hopsOf(record) > BROKER_HOPS_MAX) mine = await this.#lastResort();
      else if (target === 'none') this.#discarded.dropped += 1;
      else if (mine.length === 0) this.#discarded.unroutable += 1;
      for (const destination of mine) {
        const { kind, name } = destination;
        if (!isReplay && kind === 'queue' && isCycle(history, name)) {
          this.#discarded.cycle += 1;
          continue;
        }
        const share = shares.get(`${kind} ${name}`);
        if (share) share.indexes.push(index);
        else shares.set(`${kind} ${name}`, { destination, indexes: [index] });
      }
    }
    return [...shares.values()];
  }

  /** Returns the destinations of each message. */
  async #destinations(target: DeadLetterConfig | null): Promise<Destination[][]> {
    const toAll = (all: Destination[]): Destination[][] => this.#records.map(() => all);
    if (target === 'none') return toAll([]);
    if (target === null) return toAll([await this.#defaultQueue()]);
    const topology = topologyStub(this.#env, this.#definition.namespace);
    if ('queue' in target) {
      if ((await topology.queue(target.queue)).queue) return toAll([{ kind: 'queue', name: target.queue }]);
      throw new NotSent(`there is no queue "${target.queue}" to take them; they wait for it`);
    }
    const exchange = target.exchange === DEFAULT_EXCHANGE_PATH ? '' : target.exchange;
    if (!(await topology.exchange(exchange)).exchange) {
      throw new NotSent(`there is no exchange "${target.exchange}" to take them; they wait for it`);
    }
    const messages = this.#records.map((record) => ({
      routingKey: target.routing_key ?? textOf(record, ROUTING_KEY_HEADER) ?? this.#definition.name,
      headers: routedHeaders(record.headers),
    }));
    return (await topology.route(exchange, messages)) as Destination[][];
  }

  /** `<queue>.dlq`, made if there is none. */
  async #defaultQueue(): Promise<Destination> {
    const { namespace, name } = this.#definition;
    const topology = topologyStub(this.#env, namespace);
    const target = defaultDeadLetterQueue(name);
    if (!(await topology.queue(target)).queue) {
      const declared = await topology.declareQueue(namespace, target, { dead_letter: 'none' });
      if (isFailure(declared)) throw new NotSent(declared.message);
    }
    return { kind: 'queue', name: target };
  }

  /** The target of messages that reached the hop limit. They stop there, so that a person can inspect them. */
  async #lastResort(): Promise<Destination[]> {
    const target = await this.#defaultQueue();
    const topology = topologyStub(this.#env, this.#definition.namespace);
    const { queue } = await topology.queue(target.name);
    if ((queue as QueueDefinition | null)?.config.dead_letter === 'none') return [target];
    this.#discarded.hop_limit += 1;
    return [];
  }

  async #sendToQueue(target: QueueDefinition, indexes: readonly number[]): Promise<void> {
    const { name, id } = this.#definition;
    const numbers = indexes.map((index) => this.#row.number + index);
    const result = await queueStub(this.#env, target).publish(target.version, this.#encoded(indexes), {
      source: { name: `${name}#${id}`, firstNumber: numbers[0]!, numbers },
    });
    if (isStale(result)) return await this.#propagate(`queue "${target.name}"`);
    if (isFailure(result)) throw new NotSent(`queue "${target.name}": ${result.message}`);
    if (result.exceptions.some(({ outcome }) => outcome === 'rejected')) {
      throw new NotSent(`queue "${target.name}" is full; they wait for room`);
    }
  }

  async #sendToTopic(topic: TopicDefinition, indexes: readonly number[]): Promise<void> {
    const { partitions } = topic.config;
    const taken = indexes.filter((index) => !isCompacted(topic.config) || this.#records[index]!.key !== null);
    this.#discarded.unroutable += indexes.length - taken.length;
    const byPartition = Map.groupBy(taken, (index) => {
      const { key } = this.#records[index]!;
      return key === null ? this.#row.number % partitions : partitionForKey(key, partitions);
    });
    for (const [partition, places] of byPartition) {
      const stub = partitionStub(this.#env, topic, partition);
      const result = await stub.append(topic.version, this.#encoded(places), { isHandedOn: true });
      if (isStale(result)) return await this.#propagate(`topic "${topic.name}"`);
      if (isFailure(result)) throw new NotSent(`topic "${topic.name}": ${result.message}`);
    }
  }

  /** Makes the topology tell the target its definition. @throws NotSent always: the row is sent again */
  async #propagate(target: string): Promise<never> {
    await topologyStub(this.#env, this.#definition.namespace).propagate();
    throw new NotSent(`${target} is being changed`);
  }

  #encoded(indexes: readonly number[]): Uint8Array {
    return encodeBatch(indexes.map((index) => this.#records[index]!));
  }
}
