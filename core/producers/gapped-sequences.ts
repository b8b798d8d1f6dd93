/**
 * The rules by which a destination knows the messages of a publish through an exchange again. A producer counts all its
 * messages to an exchange, and each destination gets some of them: its sequences have gaps, so that none can be expected
 * next (as sequences.ts does for partitions and queues that are published to directly). Of each producer and exchange:
 *
 *   epoch   the highest seen; a publish of a lower one comes from an instance that has been replaced
 *   parts   the sequences taken in that epoch, as one part for each run of messages that was stored together: the last few,
 *           and always all those of the last request
 *   floor   below it the parts are not complete any more
 *
 * A message whose sequence is in a part was taken before. Any other is new if it follows all that was taken, or belongs to
 * the same request as the last one taken: routing may have changed, or the destination had no room. Any other comes out of
 * order: a later request of the producer was taken before. It is refused and never taken for a repetition, so a producer has
 * one request at a time under way to an exchange.
 */

import { failure, type Failure } from '../../protocol/errors.ts';

/** How many parts are remembered, besides those of the last request. */
const REMEMBERED_PARTS = 5;

/** The sequences of one epoch: int32, as in the headers of record batches. They do not begin anew within an epoch. */
export const GAPPED_SEQUENCES = 2 ** 31;

/** A publish as it was sent, of which a destination gets some messages. */
export interface PublishRange {
  exchange: string;
  id: number;
  epoch: number;
  /** Of its first message. */
  sequence: number;
  /** Messages in all. */
  count: number;
}

/** A growing list of sequences. */
export interface SequencePart {
  /** The first. */
  readonly sequence: number;
  readonly count: number;
  /** Which of those from the first on: six in a character of `ALPHABET`, the lowest bit first. Empty: all follow on. */
  readonly bits: string;
}

export interface GappedProducer<Part extends SequencePart = SequencePart> {
  readonly id: number;
  readonly exchange: string;
  readonly epoch: number;
  readonly parts: readonly Part[];
  readonly floor: number;
  /** When it last published something new, in ms. */
  readonly lastMs: number;
}

/** A message that was taken before: the `nth` of a part. */
export interface Taken<Part> {
  part: Part;
  nth: number;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function gappedKey({ id, exchange }: Pick<PublishRange, 'id' | 'exchange'>): string {
  return `${id} ${exchange}`;
}

/** @param sequences in order, at least one */
export function partOf(sequences: readonly number[]): SequencePart {
  const first = sequences[0]!;
  const count = sequences.length;
  const span = sequences[count - 1]! - first + 1;
  if (span === count) return { sequence: first, count, bits: '' };
  const words = new Uint8Array(Math.ceil(span / 6));
  for (const sequence of sequences) {
    const bit = sequence - first;
    words[Math.floor(bit / 6)]! |= 1 << (bit % 6);
  }
  return { sequence: first, count, bits: Array.from(words, (word) => ALPHABET[word]).join('') };
}

export function sequencesOf({ sequence, count, bits }: SequencePart): number[] {
  if (bits === '') return Array.from({ length: count }, (_, nth) => sequence + nth);
  const sequences: number[] = [];
  for (let at = 0; at < bits.length; at++) {
    const word = ALPHABET.indexOf(bits[at]!);
    for (let bit = 0; bit < 6; bit++) if ((word >> bit) & 1) sequences.push(sequence + at * 6 + bit);
  }
  return sequences;
}

/** Decides on each message of a publish that a destination gets: where it was taken before, or null for a new one. */
export function judgeGapped<Part extends SequencePart>(
  known: GappedProducer<Part> | undefined,
  range: PublishRange,
  sequences: readonly number[],
): (Taken<Part> | null)[] | Failure {
  const all = sequences.map((): Taken<Part> | null => null);
  if (known === undefined || range.epoch > known.epoch) return all;
  const { id, sequence: base, epoch } = range;
  if (epoch < known.epoch) {
    return failure(
      'producer_fenced',
      `producer ${id} has epoch ${known.epoch}; what has epoch ${epoch} was replaced`,
      { producer_id: id, epoch: known.epoch },
    );
  }
  const last = lastOf(known.parts);
  if (last < base) return all;
  const end = base + range.count;
  const indexes = new Map(sequences.map((sequence, index) => [sequence, index]));
  for (const part of known.parts) {
    if (lastOfPart(part) < base || part.sequence >= end) continue;
    if (part.sequence < base || lastOfPart(part) >= end) return outOfOrder(range, last);
    sequencesOf(part).forEach((sequence, nth) => {
      const index = indexes.get(sequence);
      if (index !== undefined) all[index] = { part, nth };
    });
  }
  const isLastRequest = last < end;
  const isRefused = all.some(
    (taken, index) => taken === null && !(isLastRequest && sequences[index]! >= known.floor),
  );
  return isRefused ? outOfOrder(range, last) : all;
}

/**
 * What is remembered once more messages of a request are taken.
 * @param base the first sequence of the request: what has come of it is remembered whole
 */
export function withPart<Part extends SequencePart>(
  known: GappedProducer<Part> | undefined,
  { id, exchange, epoch }: Pick<PublishRange, 'id' | 'exchange' | 'epoch'>,
  base: number,
  part: Part,
  nowMs: number,
): GappedProducer<Part> {
  const isSameEpoch = known?.epoch === epoch;
  const parts = [...(isSameEpoch ? known.parts : []), part];
  let floor = isSameEpoch ? known.floor : 0;
  while (parts.length > REMEMBERED_PARTS) {
    const oldest = parts[0]!;
    if (lastOfPart(oldest) >= base) break;
    floor = Math.max(floor, lastOfPart(oldest) + 1);
    parts.shift();
  }
  return { id, exchange, epoch, parts, floor, lastMs: nowMs };
}

/** The last sequence of a part. */
export function lastOfPart({ sequence, count, bits }: SequencePart): number {
  if (bits === '') return sequence + count - 1;
  const word = ALPHABET.indexOf(bits[bits.length - 1]!);
  return sequence + (bits.length - 1) * 6 + (31 - Math.clz32(word));
}

function lastOf(parts: readonly SequencePart[]): number {
  return parts.reduce((last, part) => Math.max(last, lastOfPart(part)), -1);
}

function outOfOrder({ id, exchange, sequence }: PublishRange, last: number): Failure {
  return failure(
    'out_of_order_sequence',
    `sequence ${sequence} of producer ${id} through exchange "${exchange}": ${last} was stored here before, which is of a later request`,
    { producer_id: id, last_sequence: last },
  );
}
