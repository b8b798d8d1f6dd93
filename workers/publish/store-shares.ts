/**
 * Stores messages in their destinations, all at the same time. A queue takes its messages in one call, a topic in one
 * for each partition, by the record's key as produce does.
 */

import type { Definitions } from '../topology-cache.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import { isCompacted } from '../../core/topology/topics.ts';
import type { QueueDefinition } from '../../core/topology/queues.ts';
import type { Env } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { BATCH_BYTES_MAX } from '../../protocol/limits.ts';
import { partitionForKey } from '../../protocol/murmur2.ts';
import { BATCH_OVERHEAD, recordSizeUpperBound, type RecordInput } from '../../protocol/record-batch/index.ts';
import { callPartition } from '../partition-call.ts';
import { keyRequired } from '../produce/checked-batches.ts';
import { packBatches } from '../produce/json-records.ts';
import { callQueue } from '../queue-call.ts';
import type { Outgoing } from './outgoing.ts';
import type { Share } from './route-messages.ts';

/** What became of a message in a destination: where in a topic it is, or null where the destination is gone. */
export type Outcome = { partition?: number; offset?: number } | null | Failure;

/** Calls at the same time: a fanout to a thousand queues must not have all their bytes on the way at once. */
const CALLS_MAX = 64;

interface Call {
  share: number;
  /** Places in the share. */
  places: number[];
  send: () => Promise<Outcome[] | Failure>;
}

/**
 * The outcomes of the messages of each share, in its order. A destination that has gone since they were routed does not
 * fail them: had they come a moment earlier, they would have gone with it.
 */
export async function storeShares(
  env: Env,
  shares: readonly Share[],
  outgoing: readonly Outgoing[],
  definitions: Definitions,
): Promise<Outcome[][]> {
  const packer = new Packer(outgoing);
  const sticky = Math.random();
  const outcomes: Outcome[][] = shares.map(({ indexes }) => indexes.map(() => null));
  const calls = shares.flatMap((share, number): Call[] => {
    const { kind, name } = share.destination;
    if (kind === 'topic') {
      const topic = definitions.topics.get(name);
      return topic ? topicCalls(env, topic, share, number, outgoing, packer, sticky) : [];
    }
    const queue = definitions.queues.get(name);
    return queue ? [queueCall(env, queue, share, number, packer)] : [];
  });
  await eachLimited(calls, CALLS_MAX, async ({ share, places, send }) => {
    const results = await send();
    if (isFailure(results) && isGone(results)) return;
    places.forEach((place, nth) => (outcomes[share]![place] = isFailure(results) ? results : results[nth]!));
  });
  return outcomes;
}

/** What a destination would refuse whatever its state, found before anything is stored anywhere. */
export function checkShares(
  shares: readonly Share[],
  outgoing: readonly Outgoing[],
  { topics }: Definitions,
): Failure | null {
  for (const { destination, indexes } of shares) {
    const topic = destination.kind === 'topic' ? topics.get(destination.name) : undefined;
    if (topic === undefined) continue;
    for (const index of indexes) {
      const wrong = checkRecord(topic, outgoing[index]!.record);
      if (wrong) return { ...wrong, details: { ...wrong.details, index, destination } };
    }
  }
  return null;
}

function checkRecord(topic: TopicDefinition, record: RecordInput): Failure | null {
  if (record.key === null && isCompacted(topic.config)) return keyRequired(topic);
  const bytesMax = topic.config.max_batch_bytes - BATCH_OVERHEAD;
  const bytes = recordSizeUpperBound(record);
  if (bytes <= bytesMax) return null;
  return failure('record_too_large', `it has about ${bytes} bytes; topic "${topic.name}" takes ${bytesMax}`, {
    bytes_max: bytesMax,
  });
}

function queueCall(env: Env, queue: QueueDefinition, share: Share, number: number, packer: Packer): Call {
  const send = async (): Promise<Outcome[] | Failure> => {
    const bytes = packer.pack(share.indexes, BATCH_BYTES_MAX);
    const published = await callQueue(env, queue, (stub, version) => stub.publish(version, bytes));
    if (isFailure(published))
      return published.code === 'queue_not_found' ? share.indexes.map(() => ({})) : published;
    const outcomes: Outcome[] = share.indexes.map(() => ({}));
    for (const { index, outcome } of published.exceptions) {
      if (outcome === 'rejected') {
        outcomes[index] = failure('queue_full', `queue "${queue.name}" is full and refuses messages`);
      }
    }
    return outcomes;
  };
  return { share: number, places: [...share.indexes.keys()], send };
}

function topicCalls(
  env: Env,
  topic: TopicDefinition,
  share: Share,
  number: number,
  outgoing: readonly Outgoing[],
  packer: Packer,
  sticky: number,
): Call[] {
  const { partitions, max_batch_bytes: bytesMax } = topic.config;
  const byPartition = Map.groupBy(share.indexes.keys(), (place) => {
    const { key } = outgoing[share.indexes[place]!]!.record;
    return key === null ? Math.floor(sticky * partitions) : partitionForKey(key, partitions);
  });
  return [...byPartition].map(([partition, places]) => ({
    share: number,
    places,
    send: async () => {
      const indexes = places.map((place) => share.indexes[place]!);
      const bytes = packer.pack(indexes, bytesMax);
      const appended = await callPartition(env, topic, partition, (stub, version) =>
        stub.append(version, bytes),
      );
      if (isFailure(appended)) return appended;
      return appended.flatMap(({ baseOffset, recordCount }) =>
        Array.from({ length: recordCount }, (_, delta) => ({ partition, offset: baseOffset + delta })),
      );
    },
  }));
}

function isGone({ code }: Failure): boolean {
  return code === 'queue_not_found' || code === 'topic_not_found';
}

/** Packs messages into batches, once for all destinations that get the same ones. */
class Packer {
  readonly #outgoing: readonly Outgoing[];
  /** By limit and number of messages. */
  readonly #packed = new Map<string, { indexes: readonly number[]; bytes: Uint8Array }[]>();

  constructor(outgoing: readonly Outgoing[]) {
    this.#outgoing = outgoing;
  }

  pack(indexes: readonly number[], bytesMax: number): Uint8Array {
    const key = `${bytesMax} ${indexes.length} ${indexes[0]} ${indexes.at(-1)}`;
    const alike = this.#packed.get(key) ?? [];
    const known = alike.find((one) => one.indexes.every((index, place) => index === indexes[place]));
    if (known) return known.bytes;
    const bytes = packBatches(
      indexes.map((index) => this.#outgoing[index]!.record),
      bytesMax,
    );
    this.#packed.set(key, [...alike, { indexes, bytes }]);
    return bytes;
  }
}

async function eachLimited<Item>(
  items: readonly Item[],
  limit: number,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const work = async (): Promise<void> => {
    for (const item of rest) await action(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
}
