/**
 * Transactional offsets: offsets of a group in a partition that are committed within transactions. Each is checked when it is
 * added, as a plain commit is. From then on it belongs to its transaction, and takes effect if and only if that is
 * committed, whichever member owns the partition then. If it were refused at the end, the results of the transaction
 * would exist and its input would be handled again. States, by producer:
 *
 *   pending   added, and its transaction is open. No member begins to read: where to read on is not decided. Left by the
 *             marker of the transaction
 *   ended     the marker was here. What comes late of that transaction is refused
 *
 * Several transactions may have offsets pending here. As in Kafka the latest request to commit wins, not the latest
 * marker: a transaction that is committed leaves the offset alone if another commit that came after its own has taken
 * effect.
 *
 * A member may use several producers, so an offset may arrive after the marker of its transaction and after another
 * producer. Without a following marker it would stay pending for ever. So the row keeps the ends of a few producers.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { ONLY_NUMBER, type TransactionEnd } from '../log/producer-state.ts';

/** What a commit says of a partition. */
export interface OffsetValue {
  /** Null: there is none, so that the group begins by its reset policy. */
  offset: number | null;
  metadata: string;
  /** As the committer knows it; null: it does not. */
  leaderEpoch: number | null;
}

export interface TransactionalOffsets {
  /** At most one of each producer, in the order of their last requests. */
  readonly pending: readonly PendingOffset[];
  /** At most one of each producer, the latest last. */
  readonly ends: readonly EndSeen[];
}

export interface PendingOffset extends Place {
  transactionalId: string;
  producerId: number;
  /** Null: a later commit has taken effect. */
  value: OffsetValue | null;
  /** When it was added first, in ms. */
  sinceMs: number;
}

interface EndSeen extends Place {
  producerId: number;
}

/** Of a transaction, or of its marker. */
interface Place {
  producerEpoch: number;
  /** Of the transaction in its epoch; 0: of a marker with an epoch of its own. */
  number: number;
}

/** The transaction that a commit belongs to. */
export interface OffsetTransaction {
  transactionalId: string;
  producerId: number;
  producerEpoch: number;
  /** Of the transaction in its epoch (core/transaction). Absent: it is the only one. */
  number?: number;
}

/** Open transactions of a group in one partition. They are in one row, which each commit writes. */
export const PENDING_MAX = 16;

/** No member uses so many producers while one call is under way. */
const ENDS_MAX = 16;

const NONE: TransactionalOffsets = { pending: [], ends: [] };

/** Adds an offset to a transaction, or moves the one that it has added before. */
export function addOffset(
  known: TransactionalOffsets | null,
  { transactionalId, producerId, producerEpoch, number = ONLY_NUMBER }: OffsetTransaction,
  value: OffsetValue,
  nowMs: number,
): TransactionalOffsets | Failure {
  const { pending, ends } = known ?? NONE;
  const start = { producerId, producerEpoch, number };
  const before = pending.find((each) => each.producerId === producerId);
  if (ends.some((end) => isAtOrAfter(end, start)) || (before && order(before, start) > 0)) {
    return failure(
      'producer_fenced',
      `the transaction of producer ${producerId} in epoch ${producerEpoch} has ended here`,
    );
  }
  if (before ? order(before, start) !== 0 : pending.length >= PENDING_MAX)
    return stillPending(before ?? pending[0]!);
  const added = { transactionalId, ...start, value, sinceMs: before?.sinceMs ?? nowMs };
  return { pending: [...pending.filter((each) => each !== before), added], ends };
}

/**
 * The marker of a transaction is here.
 * @returns null if it changes nothing: it came before, or what began after it
 */
export function endOffset(
  known: TransactionalOffsets | null,
  { outcome, ...end }: TransactionEnd,
): { ended: TransactionalOffsets; committed: OffsetValue | null } | null {
  const { pending, ends } = known ?? NONE;
  const own = pending.find(({ producerId }) => producerId === end.producerId);
  if (ends.some((seen) => isAtOrAfter(seen, end)) || (own && order(own, end) > 0)) return null;
  const committed = outcome === 'commit' && own && isEndOf(end, own) ? own.value : null;
  const others = pending.filter((each) => each !== own);
  const earlier = committed === null ? 0 : pending.indexOf(own!);
  return {
    ended: {
      pending: others.map((each, at) => (at < earlier ? { ...each, value: null } : each)),
      ends: withEnd(ends, end),
    },
    committed,
  };
}

function withEnd(ends: readonly EndSeen[], { producerId, producerEpoch, number }: EndSeen): EndSeen[] {
  const others = ends.filter((end) => end.producerId !== producerId);
  return [...others, { producerId, producerEpoch, number }].slice(-ENDS_MAX);
}

/** Ends what is pending without its markers. What comes late of these transactions is refused. */
export function abandon({ pending, ends }: TransactionalOffsets): TransactionalOffsets {
  return { pending: [], ends: pending.reduce<readonly EndSeen[]>(withEnd, ends) };
}

/** A plain commit has taken effect: it came after all that is pending. */
export function overtaken(known: TransactionalOffsets | null): TransactionalOffsets | null {
  if (!known?.pending.length) return known;
  return { ...known, pending: known.pending.map((each) => ({ ...each, value: null })) };
}

function isAtOrAfter(seen: EndSeen, { producerId, ...place }: EndSeen): boolean {
  return seen.producerId === producerId && order(seen, place) >= 0;
}

/** A marker carries the epoch after that of its transaction and no number, or the epoch and number of the transaction. */
function isEndOf(end: Place, own: Place): boolean {
  return end.number === 0 ? own.producerEpoch === end.producerEpoch - 1 : order(own, end) === 0;
}

/** Below 0: `a` is earlier. A marker without a number is before all transactions of its epoch, with one just after its own. */
function order(a: Place, b: Place): number {
  return a.producerEpoch - b.producerEpoch || a.number - b.number;
}

export function stillPending({ transactionalId }: PendingOffset): Failure {
  return failure(
    'offsets_pending',
    `transaction "${transactionalId}" has committed an offset of the group here and is still open; try again when it has ended`,
    { transactional_id: transactionalId },
  );
}

/** The form in which rows kept the last transaction alone, with the ends of other producers. */
interface LastTransaction extends Omit<OffsetTransaction, 'number'> {
  number?: number;
  pending: { offset: number; metadata: string } | null;
  sinceMs: number;
  others?: readonly (Omit<EndSeen, 'number'> & { number?: number })[];
}

/** Reads what a row keeps as JSON. */
export function readTransactionalOffsets(json: string): TransactionalOffsets {
  const stored = JSON.parse(json) as TransactionalOffsets | LastTransaction;
  if ('ends' in stored) return stored;
  const { pending, others = [], number, ...last } = stored;
  const { producerId, producerEpoch } = last;
  const ends = others.map((end) => ({ number: 0, ...end }));
  if (pending === null)
    return { pending: [], ends: [...ends, { producerId, producerEpoch, number: number ?? 0 }] };
  const value = { ...pending, leaderEpoch: null };
  return { pending: [{ ...last, number: number ?? ONLY_NUMBER, value }], ends };
}
