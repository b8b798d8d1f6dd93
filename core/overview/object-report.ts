/**
 * Object report: what a queue or a partition tells the overview of itself. Counters count from when the object woke, so that a
 * report that comes twice, or replaces one that was lost, adds nothing.
 */

import { NO_COUNTERS } from './counters.ts';
import type { TopicConfig } from '../../protocol/schemas/topics.ts';
import type { OverviewCounters, PartitionReport, QueueReport } from '../../protocol/schemas/overview.ts';

interface Reporter {
  readonly name: string;
  /** The topology version that made the queue or the topic. */
  readonly id: number;
  /** Another one each time that the object wakes: its counters begin at zero then. */
  readonly wake: number;
  /** Grows by one with each report since it woke. */
  readonly number: number;
  readonly counters: OverviewCounters;
}

/** Which report the overview has of an object. */
export type KnownReport = Pick<Reporter, 'wake' | 'number'>;

export type ObjectReport = Reporter &
  (
    | { readonly kind: 'queue'; readonly state: QueueReport }
    | {
        readonly kind: 'partition';
        readonly partition: number;
        /** A part of the address of the object. */
        readonly jurisdiction: TopicConfig['jurisdiction'];
        readonly state: PartitionReport;
      }
  );

/** What leaves the overview as one. */
export interface Forgotten {
  readonly kind: 'queue' | 'topic';
  readonly name: string;
  readonly id: number;
}

/** Returns the key of an object. The id follows the last `#`, so that no name of a queue makes two alike. */
export function keyOf(report: ObjectReport): string {
  const { kind, name, id } = report;
  return kind === 'queue' ? `q ${name}#${id}` : `p ${name}#${id} ${report.partition}`;
}

/** Returns whether two reports say the same of the object, and it has counted nothing since the first. */
export function saysTheSame(known: ObjectReport, next: ObjectReport): boolean {
  const before = known.wake === next.wake ? known.counters : NO_COUNTERS;
  return JSON.stringify([known.state, before]) === JSON.stringify([next.state, next.counters]);
}

/** Returns whether the report is of what was deleted. An older one of the same name was deleted too. */
export function isForgotten({ kind, name, id }: Forgotten, report: ObjectReport): boolean {
  if (report.kind !== (kind === 'queue' ? 'queue' : 'partition')) return false;
  return report.name === name && report.id <= id;
}
