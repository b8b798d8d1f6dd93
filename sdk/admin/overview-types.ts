/** Types of the overview: how a namespace does, as far as its objects have reported. Times are in ms since 1970. */

import type { DeathReason } from '../../protocol/schemas/death-reasons.ts';

/** Counted since the object was first seen by the overview. */
export interface OverviewCounters {
  /** Messages that queues took. */
  published: number;
  /** Messages that consumers were given. */
  delivered: number;
  acked: number;
  /** Expired and not dead-lettered. */
  expired: number;
  /** Dropped, purged or rejected, and not dead-lettered. */
  dropped: number;
  replayed: number;
  /** Records that partitions took, with the markers of transactions. */
  records: number;
  rowsWritten: number;
  /** Names are the reasons on the wire, in camel case. */
  deadLetters: Record<Exclude<DeathReason, 'delivery_limit'> | 'deliveryLimit', number>;
}

/** In one second, over the last minute. */
export interface OverviewRates {
  published: number;
  delivered: number;
  acked: number;
  deadLettered: number;
  records: number;
  rowsWritten: number;
}

interface Reported {
  reportedAt: number;
  counters: OverviewCounters;
  rates: OverviewRates;
}

export interface QueueOverview extends Reported {
  queue: string;
  ready: number;
  leased: number;
  /** Messages that wait for their time: delayed, scheduled, or to be retried. */
  parked: number;
  /** Dead letters on their way. */
  outgoing: number;
  /** Bytes of messages that are ready or leased. */
  bytes: number;
  /** Bytes that the object occupies on disk. */
  storedBytes: number;
  /** When the oldest ready message was published; null: none is ready. */
  oldestMs: number | null;
  consumers: number;
  isPaused: boolean;
  /** It refuses messages, or drops the oldest for each new one. */
  isFull: boolean;
  /** The queue that gets its dead letters; null: none, or an exchange. */
  deadLetterQueue: string | null;
  /** Why dead letters are still here; null: nothing is wrong. */
  outgoingProblem: string | null;
  /** Alerts that are firing. */
  firing: string[];
}

export interface TopicOverview extends Reported {
  topic: string;
  /** Partitions that have reported. */
  partitions: number;
  sizeBytes: number;
  storedBytes: number;
  /** The lag of the group that is furthest behind; null: no group reads the topic. */
  lag: number | null;
}

export interface GroupOverview {
  group: string;
  kind: 'group' | 'share_group';
  topics: string[];
  /** Over all partitions. */
  lag: number;
}

export interface OverviewProblem {
  problem:
    | 'dead_letters_growing'
    | 'dead_letters'
    | 'target_broken'
    | 'damaged'
    | 'full'
    | 'cost_ceiling'
    | 'storage_nearly_full'
    | 'alert_firing'
    | 'lag_stuck'
    | 'old_messages'
    | 'no_consumer'
    | 'paused';
  kind: 'queue' | 'partition' | 'group' | 'share_group' | 'namespace';
  name: string;
  partition?: number;
  detail: string;
}

export interface NamespaceOverview {
  at: number;
  /** Objects count when they have reported, as each does when it is made or changed. */
  totals: Record<
    | 'queues'
    | 'topics'
    | 'partitions'
    | 'groups'
    | 'ready'
    | 'leased'
    | 'parked'
    | 'outgoing'
    | 'consumers'
    | 'lag'
    | 'storedBytes'
    | 'problems',
    number
  >;
  /** Also of what was deleted since. */
  counters: OverviewCounters;
  rates: OverviewRates;
  /** The worst kinds first. */
  problems: OverviewProblem[];
  /** Those with the most ready messages. */
  queues: QueueOverview[];
  /** Those with the largest lag, then by records. */
  topics: TopicOverview[];
  /** Those with the largest lag. */
  groups: GroupOverview[];
}
