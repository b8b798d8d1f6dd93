/** What clients did with share groups, and with topics that come and go or are cleaned up, and learned of them. */

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

export type LogEvent = ShareAcquired | ShareSettled | ShareDescribed;
export type { Outcome };
