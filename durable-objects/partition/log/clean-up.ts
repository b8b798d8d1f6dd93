/** Clean-up of a partition by time: removes records past their retention, and records that compaction supersedes. */

import { COMPACTION_DELAY_MS, type CompactionPolicy } from '../../../core/log/compaction.ts';
import type { RetentionPolicy } from '../../../core/log/retention.ts';
import { isCompacted } from '../../../core/topology/topics.ts';
import type { Alarm } from '../../runtime/alarm.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import type { Compactor } from '../../storage/compactor.ts';
import type { SegmentLog } from '../../storage/segment-log.ts';
import type { PartitionDefinition } from '../../rpc/partition.ts';
import type { ProducedLog } from './produced-log.ts';

export interface Cleanable {
  definition: PartitionDefinition;
  log: SegmentLog;
  produced: ProducedLog;
  compactor: Compactor;
}

export class CleanUp {
  readonly #alarm: Alarm;
  readonly #now: () => number;
  readonly #open: () => Cleanable | null;
  readonly #removed: () => void;

  /** @param removed called when the start of the log may have moved */
  constructor(
    { alarm, now }: Pick<ObjectContext, 'alarm' | 'now'>,
    open: () => Cleanable | null,
    removed: () => void,
  ) {
    this.#alarm = alarm;
    this.#now = now;
    this.#open = open;
    this.#removed = removed;
    alarm.register('retention', (nowMs) => this.#retain(nowMs));
    alarm.register('compaction', (nowMs) => this.#compact(nowMs));
  }

  cancel(): void {
    this.#alarm.schedule('retention', null);
    this.#alarm.schedule('compaction', null);
  }

  schedule(): void {
    const open = this.#open();
    if (!open) return;
    const due = open.log.nextRetention(retentionPolicy(open.definition), this.#now());
    this.#alarm.schedule('retention', due);
    this.#alarm.schedule('compaction', null);
    this.#scheduleCompaction(open);
  }

  /** Almost always finds both tasks scheduled or not needed, because an append must not cost a second row. */
  scheduleAfterAppend(open: Cleanable): void {
    const policy = retentionPolicy(open.definition);
    if (!this.#alarm.isScheduled('retention') || policy.retentionBytes !== null) {
      const due = open.log.nextRetention(policy, this.#now());
      this.#alarm.scheduleEarlier('retention', due);
    }
    this.#scheduleCompaction(open);
  }

  #retain(nowMs: number): number | null {
    const open = this.#open();
    if (!open) return null;
    const { log, produced, definition } = open;
    const policy = retentionPolicy(definition);
    produced.prepareCleanUp(nowMs);
    const goesOn = log.retain(policy, nowMs);
    produced.forgetRemoved();
    this.#removed();
    return goesOn ? nowMs + 1 : log.nextRetention(policy, nowMs);
  }

  #compact(nowMs: number): number | null {
    const open = this.#open();
    if (!open) return null;
    const { compactor, log, produced, definition } = open;
    const policy = compactionPolicy(definition, log.coldBytes > 0);
    if (policy === null || !compactor.isDue(policy)) return null;
    produced.prepareCleanUp(nowMs);
    if (compactor.runSlice(policy, nowMs)) return nowMs + 1;
    // What came while the round was under way may be worth another one, as the log is smaller now.
    return compactor.isDue(policy) ? nowMs + COMPACTION_DELAY_MS : null;
  }

  #scheduleCompaction({ compactor, log, definition }: Cleanable): void {
    const policy = compactionPolicy(definition, log.coldBytes > 0);
    if (policy === null || this.#alarm.isScheduled('compaction') || !compactor.isDue(policy)) return;
    this.#alarm.schedule('compaction', this.#now() + COMPACTION_DELAY_MS);
  }
}

/** A compacted topic keeps its records whatever their age, unless it deletes too. */
export function retentionPolicy({ topic: { config } }: PartitionDefinition): RetentionPolicy {
  const deletes = config.cleanup_policy !== 'compact';
  return {
    retentionMs: deletes ? config.retention_ms : null,
    retentionBytes: deletes ? config.retention_bytes : null,
  };
}

/**
 * @param hasColdPart from when the topic was not compacted. Compaction does not reach it, so a tombstone stays: without it an older
 *   value there would be the latest of its key again
 */
export function compactionPolicy(
  { topic: { config } }: PartitionDefinition,
  hasColdPart: boolean,
): CompactionPolicy | null {
  if (!isCompacted(config)) return null;
  return {
    minCleanableDirtyRatio: config.min_cleanable_dirty_ratio,
    deleteRetentionMs: hasColdPart ? Infinity : config.delete_retention_ms,
  };
}
