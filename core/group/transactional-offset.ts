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
import type { TransactionEnd } from '../log/producer-state.ts';

export interface TransactionalOffset {
  transactionalId: string;
  producerId: number;
  /** While pending the epoch of the transaction; then the one after. */
  producerEpoch: number;
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
}

/** No member uses so many producers while one call is under way. */
const OTHERS_MAX = 8;

/** The transaction that a commit belongs to. */
export interface OffsetTransaction {
  transactionalId: string;
  producerId: number;
  producerEpoch: number;
}

/** Adds an offset to a transaction, or moves the one that it has added before. */
export function addOffset(
  known: TransactionalOffset | null,
  { transactionalId, producerId, producerEpoch }: OffsetTransaction,
  pending: { offset: number; metadata: string },
  nowMs: number,
): TransactionalOffset | Failure {
  if (hasSeen(known, { producerId, producerEpoch: producerEpoch + 1 })) {
    return failure(
      'producer_fenced',
      `the transaction of producer ${producerId} in epoch ${producerEpoch} has ended here`,
    );
  }
  if (known === null || known.pending === null) {
    const since = { transactionalId, producerId, producerEpoch, pending, sinceMs: nowMs };
    return { ...since, ...othersOf(known, producerId) };
  }
  if (known.producerId !== producerId || known.producerEpoch !== producerEpoch) return stillPending(known);
  return { ...known, pending };
}

/**
 * The marker of a transaction is here.
 * @returns null if it changes nothing: it came before
 */
export function endOffset(
  known: TransactionalOffset | null,
  transactionalId: string,
  { producerId, producerEpoch, outcome }: TransactionEnd,
  nowMs: number,
): { ended: TransactionalOffset; committed: { offset: number; metadata: string } | null } | null {
  if (hasSeen(known, { producerId, producerEpoch })) return null;
  const isSameProducer = known?.producerId === producerId;
  if (known !== null && known.pending !== null && !isSameProducer) {
    return {
      ended: { ...known, others: withEnd(known.others, { producerId, producerEpoch }) },
      committed: null,
    };
  }
  const isOfThis = isSameProducer && known?.producerEpoch === producerEpoch - 1;
  const committed = outcome === 'commit' && isOfThis ? (known?.pending ?? null) : null;
  const ended = { transactionalId, producerId, producerEpoch, pending: null, sinceMs: nowMs };
  return { ended: { ...ended, ...othersOf(known, producerId) }, committed };
}

/** Whether the marker has been here, or a later one of its producer. */
function hasSeen(known: TransactionalOffset | null, { producerId, producerEpoch }: EndSeen): boolean {
  if (known === null) return false;
  const isIt = (end: EndSeen): boolean => end.producerId === producerId && end.producerEpoch >= producerEpoch;
  return isIt(known) || (known.others ?? []).some(isIt);
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

function withEnd(others: readonly EndSeen[] = [], { producerId, producerEpoch }: EndSeen): EndSeen[] {
  const rest = others.filter((other) => other.producerId !== producerId);
  return [...rest, { producerId, producerEpoch }].slice(-OTHERS_MAX);
}

export function stillPending({ transactionalId }: TransactionalOffset): Failure {
  return failure(
    'offsets_pending',
    `transaction "${transactionalId}" has committed an offset of the group here and is still open; try again when it has ended`,
    { transactional_id: transactionalId },
  );
}
