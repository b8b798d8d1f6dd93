/** Metrics snapshot: reports of objects as metrics. Which objects have series of their own does not change with what they report. */

import {
  joined,
  OTHER,
  type LagMetrics,
  type PartitionMetrics,
  type QueueMetrics,
} from '../metrics/snapshot.ts';
import type { OverviewCounters } from '../../protocol/schemas/overview.ts';
import { plus } from './counters.ts';
import type { ObjectReport } from './object-report.ts';
import type { OffsetTimes } from './offset-times.ts';

type Report<Kind> = Extract<ObjectReport, { kind: Kind }>;

export interface Counted<Kind> {
  readonly report: Report<Kind>;
  readonly counters: OverviewCounters;
}

export function queueMetrics(queues: readonly Counted<'queue'>[]): QueueMetrics[] {
  const each = byAge(queues).map(({ report: { name, state }, counters }) => ({
    queue: name,
    ready: state.ready,
    leased: state.leased,
    parked: state.parked,
    outgoing: state.outgoing,
    bytes: state.bytes,
    storedBytes: state.stored_bytes,
    consumers: state.consumers,
    paused: Number(state.is_paused),
    full: Number(state.is_full),
    oldestMs: state.oldest_ms,
    counters,
  }));
  return joined<QueueMetrics>(each, (one, other) => ({
    queue: OTHER,
    ready: one.ready + other.ready,
    leased: one.leased + other.leased,
    parked: one.parked + other.parked,
    outgoing: one.outgoing + other.outgoing,
    bytes: one.bytes + other.bytes,
    storedBytes: one.storedBytes + other.storedBytes,
    consumers: one.consumers + other.consumers,
    paused: one.paused + other.paused,
    full: one.full + other.full,
    oldestMs: earlier(one.oldestMs, other.oldestMs),
    counters: plus(one.counters, other.counters),
  }));
}

export function partitionMetrics(partitions: readonly Counted<'partition'>[]): PartitionMetrics[] {
  const each = byAge(partitions).map(({ report: { name, partition, state }, counters }) => ({
    topic: name,
    partition: String(partition),
    highWatermark: state.high_watermark,
    logStartOffset: state.log_start_offset,
    sizeBytes: state.size_bytes,
    storedBytes: state.stored_bytes,
    damaged: state.damaged_batches,
    records: counters.records,
  }));
  return joined<PartitionMetrics>(each, (one, other) => ({
    topic: OTHER,
    partition: OTHER,
    highWatermark: null,
    logStartOffset: null,
    sizeBytes: one.sizeBytes + other.sizeBytes,
    storedBytes: one.storedBytes + other.storedBytes,
    damaged: one.damaged + other.damaged,
    records: one.records + other.records,
  }));
}

/** @param timesOf when the records of a partition were written */
export function lagMetrics(
  partitions: readonly Counted<'partition'>[],
  timesOf: (report: Report<'partition'>) => OffsetTimes | undefined,
  nowMs: number,
): LagMetrics[] {
  const each = byAge(partitions).flatMap(({ report }) =>
    report.state.groups.map(({ kind, group, lag, offset }) => {
      const next = Math.max(offset ?? 0, report.state.log_start_offset);
      const writtenMs = lag === 0 ? null : (timesOf(report)?.timeOf(next) ?? null);
      const lagMs = writtenMs === null ? 0 : Math.max(0, nowMs - writtenMs);
      return { kind, group, topic: report.name, partition: String(report.partition), lag, lagMs };
    }),
  );
  return joined<LagMetrics>(each, (one, other) => ({
    kind: 'group',
    group: OTHER,
    topic: OTHER,
    partition: OTHER,
    lag: one.lag + other.lag,
    lagMs: Math.max(one.lagMs, other.lagMs),
  }));
}

/** The oldest first, so that a new one takes no series of another. */
function byAge<Item extends { readonly report: ObjectReport }>(items: readonly Item[]): Item[] {
  const partitionOf = (report: ObjectReport): number => (report.kind === 'partition' ? report.partition : 0);
  return [...items].sort(
    ({ report: one }, { report: other }) =>
      one.id - other.id ||
      (one.name < other.name ? -1 : 1) * Number(one.name !== other.name) ||
      partitionOf(one) - partitionOf(other),
  );
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}
