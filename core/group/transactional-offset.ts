/**
 * Transactional offset: an offset in a partition that is committed within a transaction. It is checked when it is
 * added, as a plain commit is. From then on it belongs to the transaction, and takes effect if and only if that is
 * committed, whichever member owns the partition then. If it were refused at the end, the results of the transaction
 * would exist and its input would be handled again. States:
 *
 *   pending   added, and its transaction is open. Nobody else reads on or commits: where to read on is not decided. Left by
 *             the marker of the transaction
 *   ended     the marker was here. What comes late of that transaction is refused
 *
 * A member may use several producers, so an offset may arrive after the marker of its transaction and after another
 * producer. Without a following marker it would stay pending for ever. So the row also keeps the ends of a few other
 * producers.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { ONLY_NUMBER, type TransactionEnd } from '../log/producer-state.ts';

export interface TransactionalOffset {
  transactionalId: string;
  producerId: number;
  /** While pending the epoch of the transaction; then that of the marker. */
  producerEpoch: number;
  /** While pending the number of the transaction; then that of the marker. Absent: of the only one of its epoch. */
  number?: number;
  /** Null if the transaction has ended. */
  pending: { offset: number; metadata: string } | null;
  /** When it was added first, or ended, in ms. */
  sinceMs: number;
  /** Ends of other producers here, the latest last. Absent: none. */
  others?: readonly EndSeen[];
}

interface EndSeen {
  producerId: number;
  /** That of the marker. */
  producerEpoch: number;
  /** That of the marker; absent: 0. */
  number?: number;
}

/** No member uses so many producers while one call is under way. */
const OTHERS_MAX = 8;

/** The transaction that a commit belongs to. */
export interface OffsetTransaction {
  transactionalId: string;
  producerId: number;
  producerEpoch: number;
  /** Of the transaction in its epoch (core/transaction). Absent: it is the only one. */
  number?: number;
}

/** Adds an offset to a transaction, or moves the one that it has added before. */
export function addOffset(
  known: TransactionalOffset | null,
  { transactionalId, producerId, producerEpoch, number = ONLY_NUMBER }: OffsetTransaction,
  pending: { offset: number; metadata: string },
  nowMs: number,
): TransactionalOffset | Failure {
  if (hasEnded(known, { producerId, producerEpoch, number })) {
    return failure(
      'producer_fenced',
      `the transaction of producer ${producerId} in epoch ${producerEpoch} has ended here`,
    );
  }
  if (known === null || known.pending === null) {
    const since = { transactionalId, producerId, producerEpoch, number, pending, sinceMs: nowMs };
    return { ...since, ...othersOf(known, producerId) };
  }
  if (known.producerId !== producerId || order(startOf(known), { producerEpoch, number }) !== 0)
    return stillPending(known);
  return { ...known, pending };
}

/**
 * The marker of a transaction is here.
 * @returns null if it changes nothing: it came before
 */
export function endOffset(
  known: TransactionalOffset | null,
  transactionalId: string,
  { outcome, ...end }: TransactionEnd,
  nowMs: number,
): { ended: TransactionalOffset; committed: { offset: number; metadata: string } | null } | null {
  if (hasSeen(known, end)) return null;
  if (known !== null && known.pending !== null && known.producerId !== end.producerId) {
    return { ended: { ...known, others: withEnd(known.others, end) }, committed: null };
  }
  const isOfThis = known !== null && isEndOf(end, known);
  const committed = outcome === 'commit' && isOfThis ? known.pending : null;
  const ended = { transactionalId, ...end, pending: null, sinceMs: nowMs };
  return { ended: { ...ended, ...othersOf(known, end.producerId) }, committed };
}

/** Whether the marker has been here, or what began after it. */
function hasSeen(known: TransactionalOffset | null, end: Required<EndSeen>): boolean {
  if (known === null) return false;
  if (known.pending === null) return endsOf(known).some((seen) => isAtOrAfter(seen, end));
  const isBegunLater = known.producerId === end.producerId && order(startOf(known), end) > 0;
  return isBegunLater || endsOf(known).some((seen) => isAtOrAfter(seen, end));
}

/** Whether the transaction has ended here, or a later one has begun. */
function hasEnded(known: TransactionalOffset | null, start: Required<EndSeen>): boolean {
  if (known === null) return false;
  const isBegunLater =
    known.pending !== null && known.producerId === start.producerId && order(startOf(known), start) > 0;
  return isBegunLater || endsOf(known).some((seen) => isAtOrAfter(seen, start));
}

/** The markers that were seen here. */
function endsOf(known: TransactionalOffset): readonly EndSeen[] {
  const others = known.others ?? [];
  return known.pending === null ? [known, ...others] : others;
}

function isAtOrAfter(seen: EndSeen, { producerId, ...place }: Required<EndSeen>): boolean {
  return seen.producerId === producerId && order({ ...seen, number: seen.number ?? 0 }, place) >= 0;
}

/** A marker carries the epoch after that of its transaction and no number, or the epoch and number of the transaction. */
function isEndOf(end: Required<EndSeen>, known: TransactionalOffset): boolean {
  if (known.producerId !== end.producerId) return false;
  return end.number === 0 ? known.producerEpoch === end.producerEpoch - 1 : order(startOf(known), end) === 0;
}

interface Place {
  producerEpoch: number;
  number: number;
}

const startOf = ({ producerEpoch, number = ONLY_NUMBER }: TransactionalOffset): Place => ({
  producerEpoch,
  number,
});

/** Below 0: `a` is earlier. A marker without a number is before all transactions of its epoch, with one just after its own. */
function order(a: Place, b: Place): number {
  return a.producerEpoch - b.producerEpoch || a.number - b.number;
}

/** The others of the row in which that producer follows what is known. */
function othersOf(
  known: TransactionalOffset | null,
  producerId: number,
): Pick<TransactionalOffset, 'others'> {
  if (known === null) return {};
  const before = (known.others ?? []).filter((other) => other.producerId !== producerId);
  const others = known.producerId === producerId ? before : withEnd(before, known);
  return others.length > 0 ? { others } : {};
}

function withEnd(
  others: readonly EndSeen[] = [],
  { producerId, producerEpoch, number = 0 }: EndSeen,
): EndSeen[] {
  const rest = others.filter((other) => other.producerId !== producerId);
  return [...rest, { producerId, producerEpoch, ...(number > 0 && { number }) }].slice(-OTHERS_MAX);
}

export function stillPending({ transactionalId }: TransactionalOffset): Failure {
  return failure(
    'offsets_pending',
    `transaction "${transactionalId}" has committed an offset of the group here and is still open; try again when it has ended`,
    { transactional_id: transactionalId },
  );
}
