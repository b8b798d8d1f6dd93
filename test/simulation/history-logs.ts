/**
 * History of logs: what clients did with share groups and with topics that are recreated or cleaned up, and what they
 * learned.
 */

import type { Outcome, Span } from './history.ts';

/** One record that a member of a share group was given. */
export interface SharedRecord {
  /** `topic/partition`. */
  log: string;
  offset: number;
  id: string;
  tag: string;
  count: number;
  /** By the clock of the broker, in ms. */
  expiresMs: number;
}

export interface ShareAcquired extends Span {
  kind: 'share-acquire';
  group: string;
  member: string;
  lockMs: number;
  records: SharedRecord[];
  isFinal: boolean;
}

export type ShareSettleKind = 'accept' | 'release' | 'reject' | 'extend';

export interface ShareSettled extends Span {
  kind: 'share-settle';
  group: string;
  member: string;
  /** Result null: unknown. */
  settlements: { tag: string; log: string; offset: number; kind: ShareSettleKind; result: string | null }[];
}

/** A share group as it describes itself. */
export interface ShareDescribed extends Span {
  kind: 'share-state';
  group: string;
  partitions: {
    log: string;
    start: number;
    end: number;
    inFlight: number;
    available: number;
    archived: number;
    lag: number;
    deadLettersWaiting: number;
  }[];
  isFinal: boolean;
}

/** What a partition says of itself. */
export interface PartitionDescribed extends Span {
  kind: 'partition-state';
  topic: string;
  partition: number;
  start: number;
  high: number;
  /** Of record batches. */
  bytes: number;
  isFinal: boolean;
}

/** What the bucket has at rest, compared with the rows of all partitions. */
export interface BucketCompared extends Span {
  kind: 'bucket';
  /** How many objects rows name. */
  objects: number;
  problems: string[];
}

export interface TopicDeleted extends Span {
  kind: 'topic-deleted';
  topic: string;
  /** The answer says that it is gone. */
  isGone: boolean;
  copies: number;
}

/** Of the topic that is deleted and made again: its offsets begin anew. */
export interface RebornProduced extends Span {
  kind: 'reborn-produce';
  ids: string[];
  outcome: Outcome;
  copies: number;
}

/** From its start. */
export interface RebornFetched extends Span {
  kind: 'reborn-fetch';
  ids: string[];
  /** At rest, before it is made again for the last time. */
  isFinal: boolean;
}

/** At rest, after it was made again. */
export interface RebornRead extends Span {
  kind: 'reborn-read';
  by: string;
  expected: string[];
  found: string[];
}

/** A group was reset or deleted. */
export interface GroupChanged extends Span {
  kind: 'group-changed';
  group: string;
  /** By the clock of the simulation, in ms. */
  askedMs: number;
  knownMs: number;
}

/** A group at rest, as it describes itself. */
export interface GroupDescribed extends Span {
  kind: 'group-state';
  group: string;
  state: string;
  /** What it should be reading. */
  logs: string[];
  owners: { member: string; logs: string[] }[];
  lags: { log: string; lag: number }[];
}

/** Somebody has waited, at rest, while a record came. */
export interface LongPolled extends Span {
  kind: 'long-poll';
  by: string;
  /** What came. */
  id: string;
  ids: string[];
  /** From the answer to who produced it to the answer to who waited, in ms. */
  lateMs: number;
}

/** Records that were committed as they left. */
export interface HastilyPolled extends Span {
  kind: 'hasty-poll';
  member: string;
  /** At rest, when all is read. */
  isFinal: boolean;
  records: { log: string; offset: number; id: string }[];
}

export type LogEvent =
  | HastilyPolled
  | LongPolled
  | GroupChanged
  | GroupDescribed
  | TopicDeleted
  | RebornProduced
  | RebornFetched
  | RebornRead
  | PartitionDescribed
  | BucketCompared
  | ShareAcquired
  | ShareSettled
  | ShareDescribed;
