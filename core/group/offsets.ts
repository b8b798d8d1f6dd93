/**
 * Group offsets: the rules of a group's offset in a partition, and of the fence that guards it.
 *
 * For each group the partition keeps who may commit: a member, and the epoch in which that member began to own the
 * partition. Every read and commit names a member and an epoch:
 *
 *   that member, and not an older epoch        taken
 *   any member, an older epoch                 refused: the partition has gone to somebody else since
 *   another member                             not known here. The router asks the group; if that member owns the
 *                                              partition, since an epoch that is higher, it becomes the one that may
 *                                              commit, in the same step as its first read or commit is served
 *
 * When a member is removed, the group raises the epoch of its partitions, without a member, before anybody learns that
 * it is gone. So the partition itself refuses a commit of a fenced member, however late it comes.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import type { TransactionalOffsets } from './transactional-offset.ts';

export interface GroupOffset {
  /** The epoch in which the member began to own the partition, or in which the last one was fenced. */
  epoch: number;
  /** Who may commit; null after it was fenced. */
  memberId: string | null;
  /** The committed offset, perhaps OFFSET_EARLIEST; null if nothing was committed. */
  offset: number | null;
  metadata: string;
  /** Of the commit, if it said so. */
  leaderEpoch: number | null;
  /** When it was written last, in ms. */
  usedMs: number;
  /** What transactions have committed here; null if none has. */
  transactions: TransactionalOffsets | null;
}

export interface Claim {
  memberId: string;
  /** If `isOwner`: the epoch in which the member began to own the partition. Else one that it has seen. */
  epoch: number;
  /** The group has said that the member owns the partition. */
  isOwner: boolean;
}

/** `held`: nothing changes. `raised`: the partition belongs to this member from now on. `unknown`: ask the group. */
export type Fence = 'held' | 'raised' | 'unknown';

export function checkClaim(known: GroupOffset | null, { memberId, epoch, isOwner }: Claim): Fence | Failure {
  if (known === null) return isOwner ? 'raised' : 'unknown';
  if (epoch < known.epoch) return fencedOut(known.epoch);
  if (known.memberId === memberId && (!isOwner || epoch === known.epoch)) return 'held';
  if (!isOwner) return 'unknown';
  // Two members never begin to own a partition in one epoch; the one that was fenced in it began earlier.
  if (epoch === known.epoch && known.memberId !== null) return fencedOut(known.epoch);
  return 'raised';
}

/** The row after the member has become the one that may commit. */
export function raised(known: GroupOffset | null, { memberId, epoch }: Claim, nowMs: number): GroupOffset {
  return { ...(known ?? NOTHING), memberId, epoch, usedMs: nowMs };
}

/** The row after the group has fenced the member that it had in `epoch`; null if that is known already. */
export function fence(known: GroupOffset | null, epoch: number, nowMs: number): GroupOffset | null {
  if (known !== null && known.epoch >= epoch) return null;
  return { ...(known ?? NOTHING), memberId: null, epoch, usedMs: nowMs };
}

/** Whether a group that has no member in `epoch` may be reset: nobody has joined and read since. */
export function checkReset(known: GroupOffset | null, epoch: number): Failure | null {
  if (known === null || known.epoch < epoch || (known.epoch === epoch && known.memberId === null))
    return null;
  return failure('group_not_empty', 'a member has joined the group meanwhile; its offsets were left alone');
}

/** Returns where reading continues: at the committed offset, moved into the range of the log. */
export function positionOf(
  known: GroupOffset | null,
  log: { logStartOffset: number; highWatermark: number },
  reset: 'earliest' | 'latest',
): number {
  if (known?.offset == null) return reset === 'earliest' ? log.logStartOffset : log.highWatermark;
  return clamp(known.offset, log);
}

/** The refusal of a commit past the end of the log; null if the offset lies within it. */
export function checkWithin(offset: number, highWatermark: number): Failure | null {
  if (offset <= highWatermark) return null;
  return failure('offset_past_end', `offset ${offset} does not exist yet; the log ends at ${highWatermark}`, {
    high_watermark: highWatermark,
  });
}

export function clamp(offset: number, log: { logStartOffset: number; highWatermark: number }): number {
  return Math.min(Math.max(offset, log.logStartOffset), log.highWatermark);
}

/** The row of a group that has not used this partition. */
export const NOTHING = { offset: null, metadata: '', leaderEpoch: null, transactions: null };

function fencedOut(epoch: number): Failure {
  return failure(
    'partition_not_owned',
    `the partition has gone to another member (since epoch ${epoch}); heartbeat to learn what is assigned`,
    { epoch },
  );
}
