/**
 * Group offsets in a partition: groups begin to read, commit, are fenced, reset and forgotten. The rules are in
 * core/group/offsets.ts.
 */

import {
  checkClaim,
  checkReset,
  checkWithin,
  clamp,
  fence,
  NOTHING,
  positionOf,
  raised,
  type Claim,
  type Fence,
  type GroupOffset,
} from '../../../core/group/offsets.ts';
import {
  abandon,
  addOffset,
  endOffset,
  overtaken,
  stillPending,
  type OffsetTransaction,
  type OffsetValue,
} from '../../../core/group/transactional-offset.ts';
import type { TransactionEnd } from '../../../core/log/producer-state.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { OFFSET_NONE, OFFSETS_RETENTION_MS, TRANSACTION_TIMEOUT_MS_MAX } from '../../../protocol/limits.ts';
import type { GroupLag } from '../../../protocol/schemas/overview.ts';
import type { LogOffsets } from '../../storage/segment-log.ts';
import type { Sql } from '../../storage/sql.ts';
import type { AskGroup, GroupClaim, GroupOffsetView, OffsetCommit } from '../../rpc/partition.ts';
import { GroupOffsetsStore } from './group-offsets-store.ts';

/** An unchanged commit is written again after this time, in ms, because unused offsets expire. */
const UNCHANGED_WRITE_MS = 3_600_000;

/** The delay before the next check, if a group with old offsets has members, in ms. */
const RECHECK_MS = 86_400_000;

const ASK_GROUP: AskGroup = { askGroup: true };

export class GroupOffsets {
  readonly #store: GroupOffsetsStore;
  readonly #log: () => LogOffsets;
  readonly #now: () => number;

  constructor(sql: Sql, log: () => LogOffsets, now: () => number) {
    this.#store = new GroupOffsetsStore(sql);
    this.#log = log;
    this.#now = now;
  }

  /**
   * Returns where the member continues to read. From its first read on nobody else can commit: its start offset and the
   * fence are one row. That row also fixes `latest` without a committed offset, so that no record is missed between two
   * reads.
   * @param isPositioned the member knows where it reads on
   * @returns 'pending' if an open transaction has yet to decide it
   */
  position(claim: GroupClaim, isPositioned: boolean): number | Failure | AskGroup | 'pending' {
    const known = this.#store.get(claim.group);
    const outcome = checkClaim(known, claim);
    if (outcome === 'unknown') return ASK_GROUP;
    if (isFailure(outcome)) return outcome;
    if (isPending(known) && !(outcome === 'held' && isPositioned)) return 'pending';
    const position = positionOf(known, this.#log(), claim.autoOffsetReset);
    if (outcome === 'held') return position;
    const row = raised(known, claim, this.#now());
    if (row.offset === null && claim.autoOffsetReset === 'latest') row.offset = position;
    this.#store.put(claim.group, row);
    return position;
  }

  /**
   * Notes the end of the partition when the group first sees it: that is `latest`, whenever its members begin to read.
   * One row.
   */
  begin(group: string): void {
    if (this.#store.get(group) !== null) return;
    const { highWatermark: offset } = this.#log();
    this.#store.put(group, { ...NOTHING, epoch: 0, memberId: null, offset, usedMs: this.#now() });
  }

  commit(claim: OffsetCommit): { committed: number } | Failure | AskGroup {
    const { group, offset, metadata, leaderEpoch = null, transaction } = claim;
    const { allowPastEnd = false, allowPending = false, onlyFrom = Infinity } = claim;
    const known = this.#store.get(group);
    const outcome = checkClaim(known, claim);
    if (outcome === 'unknown') return ASK_GROUP;
    if (isFailure(outcome)) return outcome;
    const pastEnd = allowPastEnd ? null : checkWithin(offset, this.#log().highWatermark);
    if (pastEnd) return pastEnd;
    const open = known?.transactions?.pending.find(
      ({ producerId }) => producerId !== transaction?.producerId,
    );
    if (open && !allowPending) return stillPending(open);
    const nowMs = this.#now();
    const value = { offset: offset === OFFSET_NONE ? null : offset, metadata, leaderEpoch };
    if (transaction !== null) {
      const refused = this.#add(group, known, claim, outcome, transaction, value);
      return refused ?? { committed: offset };
    }
    if (known?.offset != null && known.offset > onlyFrom)
      return failure('stale_epoch', 'another read of the member has committed these records meanwhile');
    const isSettled = outcome === 'held' && !isPending(known) && isSame(known!, value);
    if (isSettled && nowMs < known!.usedMs + UNCHANGED_WRITE_MS) return { committed: offset };
    const row = outcome === 'held' ? known! : raised(known, claim, nowMs);
    const transactions = overtaken(row.transactions);
    this.#store.put(group, { ...row, ...value, transactions, usedMs: nowMs });
    return { committed: offset };
  }

  /** Ends a transaction with offsets of the group in this partition. At most one row. */
  endTransaction(group: string, end: TransactionEnd): void {
    const known = this.#store.get(group);
    const result = endOffset(known?.transactions ?? null, end);
    if (result === null) return;
    // Also for an unknown group: an offset that is still on its way has to be refused as late.
    const row = known ?? { ...NOTHING, epoch: 0, memberId: null };
    this.#store.put(group, { ...row, ...result.committed, transactions: result.ended, usedMs: this.#now() });
  }

  isPending(group: string): boolean {
    return isPending(this.#store.get(group));
  }

  view(group: string): GroupOffsetView {
    const known = this.#store.get(group);
    const { logStartOffset, highWatermark } = this.#log();
    const from = Math.max(known?.offset ?? 0, logStartOffset);
    return {
      offset: known?.offset ?? null,
      metadata: known?.metadata ?? '',
      leaderEpoch: known?.leaderEpoch ?? null,
      isPending: isPending(known),
      lag: Math.max(0, highWatermark - from),
      logStartOffset,
      highWatermark,
    };
  }

  /** The lag of the first groups by name. */
  lags(limit: number): GroupLag[] {
    return this.#store.names(limit).map((group) => {
      const { offset, lag } = this.view(group);
      return { group, kind: 'group', offset, lag };
    });
  }

  fence(group: string, epoch: number): void {
    const row = fence(this.#store.get(group), epoch, this.#now());
    if (row) this.#store.put(group, row);
  }

  /** @param epoch one in which the group has no members */
  reset(
    group: string,
    epoch: number,
    to: { offset: number | null } | { shiftBy: number },
    isDryRun: boolean,
  ): { from: number | null; to: number | null } | Failure {
    const known = this.#store.get(group);
    const busy = checkReset(known, epoch);
    if (busy) return busy;
    const before = known?.transactions ?? null;
    // Pending for longer than any transaction may be open: its end is lost, so the reset decides.
    const youngMs = this.#now() - TRANSACTION_TIMEOUT_MS_MAX;
    const open = before?.pending.find(({ sinceMs }) => sinceMs > youngMs);
    if (open) return stillPending(open);
    const log = this.#log();
    const wanted = 'offset' in to ? to.offset : positionOf(known, log, 'earliest') + to.shiftBy;
    const offset = wanted === null ? null : clamp(wanted, log);
    if (!isDryRun) {
      const transactions = before && abandon(before);
      const row = { ...NOTHING, epoch, memberId: null, offset, usedMs: this.#now(), transactions };
      this.#store.put(group, row);
    }
    return { from: known?.offset ?? null, to: offset };
  }

  forget(group: string): void {
    if (this.#store.get(group)) this.#store.remove(group);
  }

  /** When the next offset may expire, in ms. */
  nextExpiryMs(): number | null {
    const oldest = this.#store.oldestUseMs();
    return oldest === null ? null : oldest + OFFSETS_RETENTION_MS;
  }

  /**
   * Removes expired offsets of groups that have no members.
   * @returns when to look again, in ms
   */
  async expire(isEmpty: (group: string) => Promise<boolean>): Promise<number | null> {
    for (const { group, usedMs } of this.#store.usedUntil(this.#now() - OFFSETS_RETENTION_MS)) {
      if (await isEmpty(group)) {
        if (this.#store.get(group)?.usedMs === usedMs) this.#store.remove(group);
      }
    }
    const nextMs = this.nextExpiryMs();
    return nextMs === null || nextMs > this.#now() ? nextMs : this.#now() + RECHECK_MS;
  }

  #add(
    group: string,
    known: GroupOffset | null,
    claim: Claim,
    fenceOutcome: Fence,
    transaction: OffsetTransaction,
    value: OffsetValue,
  ): Failure | null {
    const nowMs = this.#now();
    const before = known?.transactions ?? null;
    const added = addOffset(before, transaction, value, nowMs);
    if (isFailure(added)) return added;
    const last = before?.pending.at(-1);
    const isRepeated = last?.producerId === transaction.producerId && last.value && isSame(last.value, value);
    if (fenceOutcome === 'held' && isRepeated) return null;
    const row = fenceOutcome === 'held' ? known! : raised(known, claim, nowMs);
    this.#store.put(group, { ...row, transactions: added, usedMs: nowMs });
    return null;
  }
}

function isPending(known: GroupOffset | null): boolean {
  return (known?.transactions?.pending.length ?? 0) > 0;
}

function isSame(known: OffsetValue, value: OffsetValue): boolean {
  return (
    known.offset === value.offset &&
    known.metadata === value.metadata &&
    known.leaderEpoch === value.leaderEpoch
  );
}
