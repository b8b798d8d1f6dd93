/**
 * What a queue remembers of its producers, so that a publish that is sent again is stored once. The rules are those of
 * partitions (core/producers/sequences.ts); what is remembered of a publish is what became of its messages, so that a
 * repetition is told the same.
 *
 * A publish of which every message was refused has not happened: it is decided anew when it comes again, under the same
 * sequence. One of which a message was stored, or known by its id, has used up its sequences.
 */

import type { Failure } from '../../protocol/errors.ts';
import {
  PRODUCER_IDLE_MS,
  PRODUCERS_MAX,
  refusal,
  sequenceAfter,
  takenBefore,
  withTaken,
  type SequencedProducer,
  type TakenBatch,
} from '../producers/sequences.ts';

/** Who publishes, and the sequence of the first message. */
export interface PublishProducer {
  id: number;
  epoch: number;
  sequence: number;
}

export interface PublishException {
  index: number;
  outcome: 'duplicate' | 'rejected';
}

interface AnsweredPublish extends TakenBatch {
  /** The messages that were not stored (`textOfExceptions`). */
  exceptions: string;
}

/** Never changed in place. */
export interface QueueProducer extends SequencedProducer<AnsweredPublish> {
  /** When it last published something new, in ms. */
  readonly lastMs: number;
}

/**
 * `[id, epoch, lastMs, sequence, ...publishes]`: the sequence is that of the first publish, and the others follow it. A publish
 * is its number of messages, or that and its exceptions.
 */
export type StoredProducer = [
  id: number,
  epoch: number,
  lastMs: number,
  sequence: number,
  ...publishes: (number | [count: number, exceptions: string])[],
];

export class QueueProducers {
  readonly #producers: Map<number, QueueProducer>;
  /** Since the snapshot. */
  readonly #changed: Set<number>;

  /** @param changed those that changed since the snapshot, as they are now */
  constructor(snapshot: Iterable<QueueProducer> = [], changed: readonly QueueProducer[] = []) {
    this.#producers = new Map([...snapshot, ...changed].map((producer) => [producer.id, producer]));
    this.#changed = new Set(changed.map(({ id }) => id));
  }

  get size(): number {
    return this.#producers.size;
  }

  get changed(): QueueProducer[] {
    return [...this.#changed].map((id) => this.#producers.get(id)!);
  }

  /** Null for a publish that is to be taken; what was answered to it, for one that was taken before; or why neither. */
  judge(producer: PublishProducer, count: number, nowMs: number): PublishException[] | Failure | null {
    const known = this.#get(producer.id, nowMs);
    const batch = {
      producerId: producer.id,
      producerEpoch: producer.epoch,
      baseSequence: producer.sequence,
      lastOffsetDelta: count - 1,
    };
    const before = takenBefore(known, batch);
    return before ? exceptionsOf(before.exceptions) : refusal(known, batch);
  }

  take(
    { id, epoch, sequence }: PublishProducer,
    count: number,
    exceptions: readonly PublishException[],
    nowMs: number,
  ): void {
    const taken = { sequence, lastOffsetDelta: count - 1, exceptions: textOfExceptions(exceptions) };
    const batches = withTaken(this.#get(id, nowMs), epoch, taken);
    this.#producers.set(id, { id, epoch, batches, lastMs: nowMs });
    this.#changed.add(id);
  }

  /** What is worth keeping, the longest unheard of first; all others are forgotten, and nothing has changed since. */
  settle(nowMs: number): QueueProducer[] {
    const kept = [...this.#producers.values()]
      .filter(({ lastMs }) => lastMs > nowMs - PRODUCER_IDLE_MS)
      .sort((a, b) => a.lastMs - b.lastMs)
      .slice(-PRODUCERS_MAX);
    this.#producers.clear();
    for (const producer of kept) this.#producers.set(producer.id, producer);
    this.#changed.clear();
    return kept;
  }

  #get(id: number, nowMs: number): QueueProducer | undefined {
    const known = this.#producers.get(id);
    return known !== undefined && known.lastMs > nowMs - PRODUCER_IDLE_MS ? known : undefined;
  }
}

export function toStored({ id, epoch, lastMs, batches }: QueueProducer): StoredProducer {
  const publishes = batches.map(({ lastOffsetDelta, exceptions }): number | [number, string] =>
    exceptions === '' ? lastOffsetDelta + 1 : [lastOffsetDelta + 1, exceptions],
  );
  return [id, epoch, lastMs, batches[0]?.sequence ?? 0, ...publishes];
}

export function fromStored([id, epoch, lastMs, first, ...publishes]: StoredProducer): QueueProducer {
  let sequence = first;
  const batches = publishes.map((publish): AnsweredPublish => {
    const [count, exceptions] = typeof publish === 'number' ? [publish, ''] : publish;
    const batch = { sequence, lastOffsetDelta: count - 1, exceptions };
    sequence = sequenceAfter(sequence, count);
    return batch;
  });
  return { id, epoch, lastMs, batches };
}

/** Runs of messages with one outcome: its first letter, how far after the last run it begins, and its length unless 1. */
function textOfExceptions(exceptions: readonly PublishException[]): string {
  let text = '';
  let end = 0;
  for (let at = 0; at < exceptions.length;) {
    const { index, outcome } = exceptions[at]!;
    let length = 1;
    while (exceptions[at + length]?.index === index + length && exceptions[at + length]?.outcome === outcome)
      length += 1;
    text += `${outcome === 'duplicate' ? 'd' : 'r'}${index - end}${length === 1 ? '' : `.${length}`}`;
    end = index + length;
    at += length;
  }
  return text;
}

function exceptionsOf(text: string): PublishException[] {
  const exceptions: PublishException[] = [];
  let index = 0;
  for (const [, letter, gap, length = '1'] of text.matchAll(/([dr])(\d+)(?:\.(\d+))?/g)) {
    index += Number(gap);
    for (let left = Number(length); left > 0; left--, index++)
      exceptions.push({ index, outcome: letter === 'd' ? 'duplicate' : 'rejected' });
  }
  return exceptions;
}
