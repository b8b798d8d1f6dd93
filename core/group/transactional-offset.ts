/**
 * An offset that is committed within a transaction, in its partition. It is checked when it is added, as a plain commit is;
 * from then on it belongs to the transaction and takes effect if and only if that is committed, whoever owns the partition
 * by then. Were it refused at the end, the results of the transaction would be there and its input would be handled again.
 * States:
 *
 *   pending   added, and its transaction is open. Nobody else reads on or commits: where to read on is not decided. Left by
 *             the marker of the transaction
 *   ended     the marker was here. What comes late of that transaction is refused
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import type { TransactionEnd } from '../log/producer-state.ts';

export interface TransactionalOffset {
  transactionalId: string;
  producerId: number;
  /** While pending the epoch of the transaction; then the one after. */
  producerEpoch: number;
  /** Null where the transaction has ended. */
  pending: { offset: number; metadata: string } | null;
  /** When it was added first, or ended, in ms. */
  sinceMs: number;
}

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
  if (known !== null && known.producerId === producerId && known.producerEpoch > producerEpoch) {
    return failure(
      'producer_fenced',
      `the transaction of producer ${producerId} in epoch ${producerEpoch} has ended here`,
    );
  }
  if (known === null || known.pending === null) {
    return { transactionalId, producerId, producerEpoch, pending, sinceMs: nowMs };
  }
  if (known.producerId !== producerId || known.producerEpoch !== producerEpoch) return stillPending(known);
  return { ...known, pending };
}

/**
 * The marker of a transaction is here.
 * @returns null where it changes nothing: it came before, or it is of a transaction that another has followed
 */
export function endOffset(
  known: TransactionalOffset | null,
  transactionalId: string,
  { producerId, producerEpoch, outcome }: TransactionEnd,
  nowMs: number,
): { ended: TransactionalOffset; committed: { offset: number; metadata: string } | null } | null {
  const isSameProducer = known?.producerId === producerId;
  if (known !== null && isSameProducer && known.producerEpoch >= producerEpoch) return null;
  if (known !== null && known.pending !== null && !isSameProducer) return null;
  const isOfThis = isSameProducer && known?.producerEpoch === producerEpoch - 1;
  const committed = outcome === 'commit' && isOfThis ? (known?.pending ?? null) : null;
  return { ended: { transactionalId, producerId, producerEpoch, pending: null, sinceMs: nowMs }, committed };
}

export function stillPending({ transactionalId }: TransactionalOffset): Failure {
  return failure(
    'offsets_pending',
    `transaction "${transactionalId}" has committed an offset of the group here and is still open; try again when it has ended`,
    { transactional_id: transactionalId },
  );
}
