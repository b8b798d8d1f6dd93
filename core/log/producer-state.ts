/**
 * Producer state: what a partition remembers of its producers, so that it stores a repeated batch once (Kafka's
 * idempotent producer, KIP-98). Of each producer:
 *
 *   epoch             the highest seen; a batch of a lower one comes from an instance that has been replaced
 *   batches           the last five of that epoch, by sequence: one that comes again is answered with its first offset
 *   transactionStart  where its open transaction begins in this log, null if none is open
 *   endedNumber       the number of the last transaction of the epoch that has ended; absent: none
 *   lastMs            when it was last heard of; forgotten after 7 days, unless its transaction is open
 *
 * A batch is stored when its sequence follows the last one, or is 0 for a new producer or epoch. Every transaction has
 * an epoch of its own (KIP-890): the marker that ends it carries the next one. So a marker that comes twice changes
 * nothing, and a batch that comes after its transaction has ended is fenced. The transactions of producers that keep their
 * epoch have numbers, which serve the same purpose within the epoch.
 *
 * A producer that publishes through exchanges has a separate state for each exchange, by the rules of
 * gapped-sequences.ts.
 */

import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import {
  gappedKey,
  judgeGapped,
  partOf,
  withPart,
  type GappedProducer,
  type PublishRange,
  type SequencePart,
} from '../producers/gapped-sequences.ts';
import {
  PRODUCER_IDLE_MS,
  PRODUCERS_MAX,
  refusal,
  takenBefore,
  withTaken,
  type SequencedBatch as Sequenced,
  type TakenBatch,
} from '../producers/sequences.ts';

export interface RememberedBatch extends TakenBatch {
  baseOffset: number;
  maxTimestamp: number;
}

/** Never changed in place. */
export interface Producer {
  readonly id: number;
  readonly epoch: number;
  /** The oldest first. */
  readonly batches: readonly RememberedBatch[];
  readonly transactionStart: number | null;
  readonly endedNumber?: number;
  readonly lastMs: number;
}

/** Messages that were published through an exchange and lie one after another. */
export interface LoggedPart extends SequencePart {
  baseOffset: number;
  /** Of their batch; the same for all batches of a request. */
  maxTimestamp: number;
}

/** A producer that publishes through an exchange. It has no transactions here. */
export interface ExchangeProducer extends GappedProducer<LoggedPart> {
  readonly transactionStart?: undefined;
}

export type KnownProducer = Producer | ExchangeProducer;

/** The fields of a batch header that decide. Producer -1: without a producer, always stored. */
export interface SequencedBatch extends Sequenced {
  isTransactional: boolean;
  maxTimestamp: number;
}

/** The end of a transaction, by the marker that says so. */
export interface TransactionEnd {
  producerId: number;
  /** The epoch after that of the transaction; the same if the producer keeps its epoch. */
  producerEpoch: number;
  /** Of the transaction if the producer keeps its epoch; otherwise 0. */
  number: number;
  outcome: 'commit' | 'abort';
}

/** The number of a transaction that nobody has numbered: its epoch has no other. */
export const ONLY_NUMBER = 1;

export type Admission =
  | { kind: 'new'; baseOffset: number }
  | { kind: 'duplicate'; baseOffset: number; maxTimestamp: number };

/** A snapshot has to fit a row, which may have 2 MB. */
const SNAPSHOT_LENGTH_MAX = 1_500_000;

type Producers = Map<number | string, KnownProducer>;

export class ProducerStates {
  readonly #producers: Producers;

  constructor(producers: Iterable<KnownProducer> = []) {
    this.#producers = new Map([...producers].map((producer) => [keyOf(producer), producer]));
  }

  get size(): number {
    return this.#producers.size;
  }

  get(id: number): Producer | undefined {
    return this.#producers.get(id) as Producer | undefined;
  }

  /** Where the first open transaction begins; null if none is open. */
  get firstOpenOffset(): number | null {
    let first: number | null = null;
    for (const producer of this.#producers.values()) {
      const start = openTransaction(producer);
      if (start !== null && (first === null || start < first)) first = start;
    }
    return first;
  }

  /** Changes that take effect all at once, when they are on disk. */
  stage(nowMs: number): StagedProducers {
    return new StagedProducers(this.#producers, nowMs);
  }

  /** Producers to keep, those silent for longest first. */
  alive(nowMs: number): KnownProducer[] {
    const known = [...this.#producers.values()].filter((producer) => isAlive(producer, nowMs));
    known.sort((a, b) => a.lastMs - b.lastMs);
    let surplus = known.length - PRODUCERS_MAX;
    const lengths = known.map((producer) => JSON.stringify(producer).length + 1);
    let surplusLength = lengths.reduce((sum, length) => sum + length, 0) - SNAPSHOT_LENGTH_MAX;
    return known.filter((producer, index) => {
      if (openTransaction(producer) !== null) return true;
      const isKept = surplus <= 0 && surplusLength <= 0;
      surplus -= 1;
      if (!isKept) surplusLength -= lengths[index]!;
      return isKept;
    });
  }

  /** Forgets all others. */
  keep(producers: readonly KnownProducer[]): void {
    this.#producers.clear();
    for (const producer of producers) this.#producers.set(keyOf(producer), producer);
  }

  /** Takes a batch that is in the log and came through an exchange. */
  replayPublish(
    identity: Pick<PublishRange, 'id' | 'exchange' | 'epoch'>,
    sequences: readonly number[],
    { baseOffset, maxTimestamp }: { baseOffset: number; maxTimestamp: number },
    nowMs: number,
  ): void {
    const key = gappedKey(identity);
    const known = this.#producers.get(key) as ExchangeProducer | undefined;
    const part: LoggedPart = { ...partOf(sequences), baseOffset, maxTimestamp };
    const ofRequest = (known?.parts ?? []).filter((other) => other.maxTimestamp === maxTimestamp);
    const base = Math.min(...[part, ...ofRequest].map(({ sequence }) => sequence));
    this.#producers.set(key, withPart(known, identity, base, part, nowMs));
  }

  /** Takes a batch that is in the log: it was checked when it was stored. */
  replay(batch: SequencedBatch & { baseOffset: number }, nowMs: number): void {
    if (batch.producerId < 0) return;
    const known = this.get(batch.producerId);
    this.#producers.set(batch.producerId, afterBatch(known, batch, batch.baseOffset, nowMs));
  }

  /** Takes a marker that is in the log. */
  replayEnd(end: Omit<TransactionEnd, 'outcome'>, nowMs: number): void {
    this.#producers.set(end.producerId, afterEnd(this.get(end.producerId), end, nowMs));
  }
}

export class StagedProducers {
  readonly #base: Producers;
  readonly #changed: Producers = new Map();
  readonly nowMs: number;

  constructor(base: Producers, nowMs: number) {
    this.#base = base;
    this.nowMs = nowMs;
  }

  get isEmpty(): boolean {
    return this.#changed.size === 0;
  }

  /**
   * The batches of one request: all are admitted, or none.
   * @param nextOffset the offset that the next record gets
   * @param transaction the number of the transaction that they belong to, if any
   */
  admit(
    batches: readonly SequencedBatch[],
    nextOffset: number,
    transaction = ONLY_NUMBER,
  ): Admission[] | Failure {
    const before = new Map(this.#changed);
    const admissions: Admission[] = [];
    let offset = nextOffset;
    for (const batch of batches) {
      const admission = this.#admitOne(batch, offset, transaction);
      if (isFailure(admission)) {
        this.#changed.clear();
        for (const [id, producer] of before) this.#changed.set(id, producer);
        return admission;
      }
      admissions.push(admission);
      if (admission.kind === 'new') offset += batch.lastOffsetDelta + 1;
    }
    return admissions;
  }

  /**
   * The messages of a publish through an exchange, by their sequences.
   * @returns where those are that were taken before, and null for those that are to be appended and noted (`take`)
   */
  judge(range: PublishRange, sequences: readonly number[]): (number | null)[] | Failure {
    const judged = judgeGapped(this.#getExchange(range), range, sequences);
    if (isFailure(judged)) return judged;
    return judged.map((taken) => taken && taken.part.baseOffset + taken.nth);
  }

  /** Notes a batch of messages that are appended. */
  take(range: PublishRange, sequences: readonly number[], baseOffset: number, maxTimestamp: number): void {
    const part = { ...partOf(sequences), baseOffset, maxTimestamp };
    const key = gappedKey(range);
    this.#changed.set(key, withPart(this.#getExchange(range), range, range.sequence, part, this.nowMs));
  }

  /**
   * Ends a transaction.
   * @returns null if that has happened before and nothing is to be written; else where it began in this log, -1 if
   *   nothing of it is here: the marker is written all the same, to fence batches that are still on their way
   */
  end(end: TransactionEnd): { firstOffset: number } | null {
    const { producerId, producerEpoch, number } = end;
    const known = this.#get(producerId);
    if (known !== undefined) {
      if (known.epoch > producerEpoch) return null;
      if (known.epoch === producerEpoch && number <= (known.endedNumber ?? 0)) return null;
    }
    this.#changed.set(producerId, afterEnd(known, end, this.nowMs));
    return { firstOffset: known?.transactionStart ?? -1 };
  }

  /** Where the first open transaction will begin once this is applied. */
  get firstOpenOffset(): number | null {
    let first: number | null = null;
    const look = (producer: KnownProducer): void => {
      const start = openTransaction(producer);
      if (start !== null && (first === null || start < first)) first = start;
    };
    for (const producer of this.#changed.values()) look(producer);
    for (const [key, producer] of this.#base) if (!this.#changed.has(key)) look(producer);
    return first;
  }

  apply(): void {
    for (const [key, producer] of this.#changed) this.#base.set(key, producer);
  }

  #admitOne(batch: SequencedBatch, offset: number, transaction: number): Admission | Failure {
    if (batch.producerId < 0) return { kind: 'new', baseOffset: offset };
    const known = this.#get(batch.producerId);
    const duplicate = takenBefore(known, batch);
    if (duplicate) {
      return { kind: 'duplicate', baseOffset: duplicate.baseOffset, maxTimestamp: duplicate.maxTimestamp };
    }
    const refused = refusal(known, batch, () => transactionProblem(known, batch, transaction));
    if (refused) return refused;
    this.#changed.set(batch.producerId, afterBatch(known, batch, offset, this.nowMs));
    return { kind: 'new', baseOffset: offset };
  }

  #get(id: number): Producer | undefined {
    return this.#find(id) as Producer | undefined;
  }

  #getExchange(range: PublishRange): ExchangeProducer | undefined {
    return this.#find(gappedKey(range)) as ExchangeProducer | undefined;
  }

  #find(key: number | string): KnownProducer | undefined {
    const known = this.#changed.get(key) ?? this.#base.get(key);
    return known !== undefined && isAlive(known, this.nowMs) ? known : undefined;
  }
}

function keyOf(producer: KnownProducer): number | string {
  return 'exchange' in producer ? gappedKey(producer) : producer.id;
}

function openTransaction({ transactionStart }: KnownProducer): number | null {
  return transactionStart ?? null;
}

function isAlive(producer: KnownProducer, nowMs: number): boolean {
  return openTransaction(producer) !== null || producer.lastMs > nowMs - PRODUCER_IDLE_MS;
}

function transactionProblem(
  known: Producer | undefined,
  batch: SequencedBatch,
  transaction: number,
): Failure | null {
  const { producerId, producerEpoch } = batch;
  const details = { producer_id: producerId };
  const isSameEpoch = known?.epoch === producerEpoch;
  if (batch.isTransactional && isSameEpoch && transaction <= (known.endedNumber ?? 0)) {
    return failure(
      'producer_fenced',
      `transaction ${transaction} of producer ${producerId} in epoch ${producerEpoch} has ended here`,
      details,
    );
  }
  if (known === undefined || known.transactionStart === null) return null;
  if (producerEpoch > known.epoch) {
    return failure(
      'transaction_in_progress',
      `the transaction of producer ${producerId} before this one has not ended here yet; try again`,
      details,
    );
  }
  if (batch.isTransactional) return null;
  return failure(
    'invalid_batch',
    `producer ${producerId} has an open transaction; what it sends meanwhile belongs to it`,
    details,
  );
}

function afterBatch(
  known: Producer | undefined,
  batch: SequencedBatch,
  baseOffset: number,
  nowMs: number,
): Producer {
  const { producerId, producerEpoch, baseSequence, lastOffsetDelta, maxTimestamp, isTransactional } = batch;
  const remembered: RememberedBatch = { sequence: baseSequence, lastOffsetDelta, baseOffset, maxTimestamp };
  return {
    id: producerId,
    epoch: producerEpoch,
    batches: withTaken(known, producerEpoch, remembered),
    transactionStart: known?.transactionStart ?? (isTransactional ? baseOffset : null),
    ...(known?.epoch === producerEpoch && numberOf(known.endedNumber)),
    lastMs: nowMs,
  };
}

/** Sequences go on if the producer keeps its epoch. */
function afterEnd(
  known: Producer | undefined,
  { producerId, producerEpoch, number }: Omit<TransactionEnd, 'outcome'>,
  nowMs: number,
): Producer {
  const batches = known?.epoch === producerEpoch ? known.batches : [];
  const ended = { id: producerId, epoch: producerEpoch, batches, transactionStart: null, lastMs: nowMs };
  return { ...ended, ...numberOf(number) };
}

function numberOf(endedNumber = 0): Pick<Producer, 'endedNumber'> {
  return endedNumber > 0 ? { endedNumber } : {};
}
