/**
 * Queue producers: the latest publishes of each producer, so that a queue stores a repeated publish once. The rules are
 * those of partitions (core/producers/sequences.ts). The queue remembers the outcome of each message, so that a repetition
 * gets the same answer.
 *
 * A publish whose messages were all refused uses up no sequences. The queue decides anew when it comes again under the same
 * sequence. A publish with a message that was stored, or known by its id, has used up its sequences.
 *
 * Publishes through an exchange are remembered message by message, by the rules of core/producers/gapped-sequences.ts. The
 * queue decides anew on a message that was refused because the queue was full.
 */

import { failure, type Failure } from '../../../protocol/errors.ts';
import {
  gappedKey,
  judgeGapped,
  lastOfPart,
  partOf,
  sequencesOf,
  withPart,
  type GappedProducer,
  type PublishRange,
  type SequencePart,
  type Taken,
} from '../../producers/gapped-sequences.ts';
import {
  PRODUCER_IDLE_MS,
  PRODUCERS_MAX,
  refusal,
  sequenceAfter,
  takenBefore,
  withTaken,
  type SequencedProducer,
  type TakenBatch,
} from '../../producers/sequences.ts';

/** The producer of a publish, and the sequence of its first message. */
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

/** A value: a change makes a new one. */
export interface QueueProducer extends SequencedProducer<AnsweredPublish> {
  /** When it last published something new, in ms. */
  readonly lastMs: number;
}

/** A value too. */
export type QueueExchangeProducer = GappedProducer;

export type KnownProducer = QueueProducer | QueueExchangeProducer;

/**
 * `[id, epoch, lastMs, sequence, ...publishes]`. The sequence is that of the first publish, and the others follow on. A
 * publish is its number of messages, or that number and its exceptions.
 */
export type StoredProducer = [
  id: number,
  epoch: number,
  lastMs: number,
  sequence: number,
  ...publishes: (number | [count: number, exceptions: string])[],
];

/** `[id, exchange, epoch, lastMs, floor, ...parts]` of a producer through an exchange, with the members of gapped-sequences.ts. */
export type StoredExchangeProducer = [
  id: number,
  exchange: string,
  epoch: number,
  lastMs: number,
  floor: number,
  ...parts: [sequence: number, count: number, bits?: string][],
];

export class QueueProducers {
  readonly #producers: Map<number | string, KnownProducer>;
  /** Producers that changed since the snapshot. */
  readonly #changed: Set<number | string>;

  /** @param changed the producers that changed since the snapshot, as they are now */
  constructor(snapshot: Iterable<KnownProducer> = [], changed: readonly KnownProducer[] = []) {
    this.#producers = new Map([...snapshot, ...changed].map((producer) => [keyOf(producer), producer]));
    this.#changed = new Set(changed.map(keyOf));
  }

  get size(): number {
    return this.#producers.size;
  }

  get changed(): KnownProducer[] {
    return [...this.#changed].map((key) => this.#producers.get(key)!);
  }

  /** Returns null for a new publish, the earlier answer for a repetition, or why the publish is refused. */
  judge(producer: PublishProducer, count: number, nowMs: number): PublishException[] | Failure | null {
    const known = this.#get(producer.id, nowMs) as QueueProducer | undefined;
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
    const batches = withTaken(this.#get(id, nowMs) as QueueProducer | undefined, epoch, taken);
    this.#producers.set(id, { id, epoch, batches, lastMs: nowMs });
    this.#changed.add(id);
  }

  /** Returns for each message of a publish through an exchange where it was taken before, or null. */
  judgeMessages(
    range: PublishRange,
    sequences: readonly number[],
    nowMs: number,
  ): (Taken<SequencePart> | null)[] | Failure {
    return judgeGapped(this.#get(gappedKey(range), nowMs) as GappedProducer | undefined, range, sequences);
  }

  takeMessages(range: PublishRange, sequences: readonly number[], nowMs: number): void {
    const key = gappedKey(range);
    let known = this.#get(key, nowMs) as GappedProducer | undefined;
    let taken = sequences;
    const last = known?.epoch === range.epoch ? known.parts[known.parts.length - 1] : undefined;
    if (last && lastOfPart(last) >= range.sequence) {
      taken = [...sequencesOf(last), ...sequences].sort((a, b) => a - b);
      known = { ...known!, parts: known!.parts.slice(0, -1) };
    }
    this.#producers.set(key, withPart(known, range, range.sequence, partOf(taken), nowMs));
    this.#changed.add(key);
  }

  /** Returns the producers to keep, the longest idle first. It forgets all others, and begins a new snapshot. */
  compact(nowMs: number): KnownProducer[] {
    const kept = [...this.#producers.values()]
      .filter(({ lastMs }) => lastMs > nowMs - PRODUCER_IDLE_MS)
      .sort((a, b) => a.lastMs - b.lastMs)
      .slice(-PRODUCERS_MAX);
    this.#producers.clear();
    for (const producer of kept) this.#producers.set(keyOf(producer), producer);
    this.#changed.clear();
    return kept;
  }

  #get(key: number | string, nowMs: number): KnownProducer | undefined {
    const known = this.#producers.get(key);
    return known !== undefined && known.lastMs > nowMs - PRODUCER_IDLE_MS ? known : undefined;
  }
}

function keyOf(producer: KnownProducer): number | string {
  return 'exchange' in producer ? gappedKey(producer) : producer.id;
}

export function toStored(producer: KnownProducer): StoredProducer | StoredExchangeProducer {
  if ('exchange' in producer) {
    const { id, exchange, epoch, lastMs, floor, parts } = producer;
    return [id, exchange, epoch, lastMs, floor, ...parts.map(storedPart)];
  }
  const { id, epoch, lastMs, batches } = producer;
  const publishes = batches.map(({ lastOffsetDelta, exceptions }): number | [number, string] =>
    exceptions === '' ? lastOffsetDelta + 1 : [lastOffsetDelta + 1, exceptions],
  );
  return [id, epoch, lastMs, batches[0]?.sequence ?? 0, ...publishes];
}

function storedPart({ sequence, count, bits }: SequencePart): [number, number, string?] {
  return bits === '' ? [sequence, count] : [sequence, count, bits];
}

export function fromStored(stored: StoredProducer | StoredExchangeProducer): KnownProducer {
  if (isOfExchange(stored)) {
    const [id, exchange, epoch, lastMs, floor, ...parts] = stored;
    const read = parts.map(([sequence, count, bits = '']) => ({ sequence, count, bits }));
    return { id, exchange, epoch, lastMs, floor, parts: read };
  }
  const [id, epoch, lastMs, first, ...publishes] = stored;
  let sequence = first;
  const batches = publishes.map((publish): AnsweredPublish => {
    const [count, exceptions] = typeof publish === 'number' ? [publish, ''] : publish;
    const batch = { sequence, lastOffsetDelta: count - 1, exceptions };
    sequence = sequenceAfter(sequence, count);
    return batch;
  });
  return { id, epoch, lastMs, batches };
}

function isOfExchange(stored: StoredProducer | StoredExchangeProducer): stored is StoredExchangeProducer {
  return typeof stored[1] === 'string';
}

/** Writes runs of messages with one outcome: its first letter, the distance from the last run, and the length unless it is 1. */
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

/** Returns why a publish is refused of which the queue has taken no message; null if it has taken one. */
export function refuseIfFull(
  queue: string,
  { count, exceptions }: { count: number; exceptions: readonly PublishException[] },
): Failure | null {
  const rejected = exceptions.filter(({ outcome }) => outcome === 'rejected').length;
  if (rejected < count) return null;
  return failure('queue_full', `queue "${queue}" is full and refuses messages`, { retry_after_s: 1 });
}
