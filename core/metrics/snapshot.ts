/** Snapshot: what the overview of a namespace says for metrics. Bounded: what is beyond the limits is summed. */

import type { SubscriptionReport } from './subscription-report.ts';
import type { OverviewCounters, OverviewProblem } from '../../protocol/schemas/overview.ts';

/** Of each kind: queues, partitions, and lags of a group on a partition. The oldest keep their own series. */
export const SERIES_MAX = 1_000;

/** Stands for all that have no series of their own. No name has parentheses. */
export const OTHER = '(other)';

export interface QueueMetrics {
  readonly queue: string;
  readonly ready: number;
  readonly leased: number;
  readonly parked: number;
  readonly outgoing: number;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly consumers: number;
  /** 1 if it is; of all others how many are. */
  readonly paused: number;
  readonly full: number;
  /** When the oldest ready message was published. */
  readonly oldestMs: number | null;
  readonly counters: OverviewCounters;
}

export interface PartitionMetrics {
  readonly topic: string;
  readonly partition: string;
  /** Null: of all others. */
  readonly highWatermark: number | null;
  readonly logStartOffset: number | null;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  readonly damaged: number;
  readonly records: number;
}

export interface LagMetrics {
  readonly kind: 'group' | 'share_group';
  readonly group: string;
  readonly topic: string;
  readonly partition: string;
  readonly lag: number;
  readonly lagMs: number;
}

export interface MetricsSnapshot {
  readonly atMs: number;
  readonly queues: readonly QueueMetrics[];
  readonly partitions: readonly PartitionMetrics[];
  readonly lags: readonly LagMetrics[];
  readonly subscriptions: readonly SubscriptionReport[];
  /** Objects that have reported. */
  readonly objects: { readonly queue: number; readonly partition: number };
  /** Rows written, by those that were deleted too. */
  readonly rows: { readonly queue: number; readonly partition: number };
  readonly problems: Readonly<Partial<Record<OverviewProblem['problem'], number>>>;
}

/** Keeps the first, and joins the rest to one. */
export function joined<Item>(
  items: readonly Item[],
  join: (one: Item, other: Item) => Item,
  max = SERIES_MAX,
): Item[] {
  if (items.length <= max) return [...items];
  return [...items.slice(0, max), items.slice(max).reduce((sum, item) => join(sum, item))];
}
