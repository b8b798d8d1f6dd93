/**
 * The rules by which the batches of an idempotent producer are taken (Kafka's, KIP-98), alike for partitions and queues:
 * one that comes again is known by its sequence and length among the last five of its epoch; otherwise it has to follow the
 * last one, or to be 0 for a producer or an epoch not seen before; and of an epoch below the highest seen nothing is taken.
 */

import { failure, type Failure } from '../../protocol/errors.ts';

/** Kafka's number: as many as its producer may have under way. */
export const REMEMBERED_BATCHES = 5;

export const PRODUCER_IDLE_MS = 7 * 86_400_000;

/** Above it those heard of longest ago are forgotten; a snapshot must fit a row. */
export const PRODUCERS_MAX = 5_000;

/** Sequences are int32 and go on at 0 after the last. */
const SEQUENCES = 2 ** 31;

/** What of a batch's header decides. */
export interface SequencedBatch {
  producerId: number;
  producerEpoch: number;
  baseSequence: number;
  lastOffsetDelta: number;
}

/** A batch that was taken. What was answered is kept beside. */
export interface TakenBatch {
  sequence: number;
  lastOffsetDelta: number;
}

export interface SequencedProducer<Batch extends TakenBatch = TakenBatch> {
  readonly id: number;
  /** The highest seen. */
  readonly epoch: number;
  /** The last of that epoch, the oldest first. */
  readonly batches: readonly Batch[];
}

/** The batch as it was taken before, if it is remembered. */
export function takenBefore<Batch extends TakenBatch>(
  known: SequencedProducer<Batch> | undefined,
  batch: SequencedBatch,
): Batch | undefined {
  if (known?.epoch !== batch.producerEpoch) return undefined;
  return known.batches.find(
    ({ sequence, lastOffsetDelta }) =>
      sequence === batch.baseSequence && lastOffsetDelta === batch.lastOffsetDelta,
  );
}

/**
 * Why a batch that was not taken before is not taken now; null if it is.
 * @param other what else may speak against it, asked before its sequence is looked at
 */
export function refusal(
  known: SequencedProducer | undefined,
  batch: SequencedBatch,
  other: () => Failure | null = () => null,
): Failure | null {
  const { producerId, producerEpoch, baseSequence } = batch;
  const details = { producer_id: producerId };
  if (known === undefined) {
    if (baseSequence === 0) return null;
    return failure(
      'unknown_producer',
      `producer ${producerId} is not known here, or no more; go on with a higher epoch from sequence 0`,
      details,
    );
  }
  if (producerEpoch < known.epoch) {
    return failure(
      'producer_fenced',
      `producer ${producerId} has epoch ${known.epoch}; what has epoch ${producerEpoch} was replaced`,
      { ...details, epoch: known.epoch },
    );
  }
  const otherwise = other();
  if (otherwise) return otherwise;
  const last = producerEpoch > known.epoch ? undefined : known.batches[known.batches.length - 1];
  const expected = last ? sequenceAfter(last.sequence, last.lastOffsetDelta + 1) : 0;
  if (baseSequence === expected) return null;
  return failure(
    'out_of_order_sequence',
    `sequence ${baseSequence} of producer ${producerId}: expected ${expected}`,
    { ...details, expected_sequence: expected },
  );
}

/** What is remembered of a producer's batches once one more of `epoch` is taken. */
export function withTaken<Batch extends TakenBatch>(
  known: SequencedProducer<Batch> | undefined,
  epoch: number,
  taken: Batch,
): readonly Batch[] {
  const earlier = known?.epoch === epoch ? known.batches : [];
  return [...earlier.slice(1 - REMEMBERED_BATCHES), taken];
}

/** The sequence after that of the last record. */
export function sequenceAfter(sequence: number, recordCount: number): number {
  return (sequence + recordCount) % SEQUENCES;
}
