/** Partition reporter: what a partition tells the overview of itself. */

import { NO_COUNTERS } from '../../core/overview/counters.ts';
import type { KnownReport, ObjectReport } from '../../core/overview/object-report.ts';
import type { GroupLag } from '../../protocol/schemas/overview.ts';
import { ChangeReporter, type Told } from '../runtime/change-reporter.ts';
import type { ObjectContext } from '../runtime/context.ts';
import type { DamageNotes } from '../storage/damage-notes.ts';
import type { SegmentLog } from '../storage/segment-log.ts';
import type { PartitionDefinition } from '../rpc/partition.ts';
import type { GroupOffsets } from './groups/group-offsets.ts';
import type { SharedLog } from './share/shared-log.ts';

/** Groups that a report tells of. The first by name: the others are missing from the lags of the overview. */
const GROUPS_MAX = 100;

interface Open {
  definition: PartitionDefinition;
  log: SegmentLog;
  groups: GroupOffsets;
  shared: SharedLog;
  damage: DamageNotes;
}

export class PartitionReporter {
  readonly #reporter: ChangeReporter;
  readonly #open: () => Open | null;
  readonly #rows: () => number;
  readonly #database: Pick<SqlStorage, 'databaseSize'>;
  /** Where the log ended when it woke. */
  #wokeAt = 0;

  constructor(context: ObjectContext, database: Pick<SqlStorage, 'databaseSize'>, open: () => Open | null) {
    const { env, sql, alarm } = context;
    this.#open = open;
    this.#database = database;
    this.#rows = () => sql.meter.rowsWritten + alarm.timesSet;
    const namespace = (): string | null => open()?.definition.topic.namespace ?? null;
    const mark = (): number => sql.meter.rowsWritten + (open()?.damage.count ?? 0);
    const reported = { ...context, namespace, mark, report: () => this.#report() };
    this.#reporter = new ChangeReporter(env, reported, Math.random());
  }

  /** The partition was made, or changed by its topic. */
  made(): void {
    this.#reporter.made();
  }

  /** The partition was read from its rows. */
  woke(): void {
    this.#wokeAt = this.#open()!.log.offsets.highWatermark;
    this.#reporter.woke();
  }

  /** The log or a group has changed, or may have. */
  changed(): void {
    this.#reporter.changed();
  }

  /** Answers the overview. Null: nothing has changed since the report that it knows. */
  answer(known: KnownReport): ObjectReport | null {
    return this.#reporter.answer(known);
  }

  #report(): Told<ObjectReport> | null {
    const open = this.#open();
    if (open === null) return null;
    const { topic, partition } = open.definition;
    const { highWatermark, logStartOffset } = open.log.offsets;
    return {
      kind: 'partition',
      name: topic.name,
      id: topic.id,
      partition,
      jurisdiction: topic.config.jurisdiction,
      counters: {
        ...NO_COUNTERS,
        records: highWatermark - this.#wokeAt,
        rows_written: this.#rows(),
      },
      state: {
        high_watermark: highWatermark,
        log_start_offset: logStartOffset,
        size_bytes: open.log.sizeBytes,
        stored_bytes: this.#database.databaseSize,
        damaged_batches: open.damage.count,
        groups: lagsOf(open),
      },
    };
  }
}

function lagsOf({ groups, shared }: Open): GroupLag[] {
  const ofGroups = groups.lags(GROUPS_MAX);
  return [...ofGroups, ...shared.lags(GROUPS_MAX - ofGroups.length)];
}
