/** RPC between the router and a partition. */

import type { Claim } from '../../core/group/offsets.ts';
import type { OffsetTransaction } from '../../core/group/transactional-offset.ts';
import type { ReadIsolation } from '../../core/log/aborted.ts';
import type { PublishRange } from '../../core/producers/gapped-sequences.ts';

/** The caller's definition of the topic is out of date, or the topic is gone: refresh, and try again once. */
export interface Stale {
  stale: true;
}

export function isStale(result: unknown): result is Stale {
  return typeof result === 'object' && result !== null && 'stale' in result;
}

/** Options of an append. */
export interface AppendOptions {
  /** The broker itself hands them on: no ceiling refuses what it has taken already. */
  isHandedOn?: boolean;
  /** The batches are those of core/log/exchange-batch.ts, and part of this publish: what was taken before is not again. */
  publish?: PublishRange;
}

/** A batch that was appended; of a publish through an exchange, neighbours among its messages. */
export interface AppendedBatch {
  baseOffset: number;
  recordCount: number;
  /** The timestamp of all records, if the topic stamps them; else null. */
  appendTime: number | null;
  /** Of a batch that had been stored before: the timestamps that its records have there, by place in the batch. */
  storedTimestamps?: number[];
}

export interface ReadRequest {
  /** The version of the topic's definition that the caller knows. */
  version: number;
  offset: number | 'earliest' | 'latest' | { timestampMs: number } | null;
  /** A read for a group: refused unless this member may read; `offset` null reads on from where the group has committed. */
  claim?: GroupClaim;
  bytesMax: number;
  recordsMax: number;
  isolation: ReadIsolation;
}

export interface PartitionDescription {
  logStartOffset: number;
  highWatermark: number;
  /** Below it every transaction has ended. */
  lastStableOffset: number;
  /** Producers that it remembers. */
  producers: number;
  /** Bytes of record batches stored. */
  sizeBytes: number;
  segments: number;
  /** Bytes that the object's database occupies. */
  storageBytes: number;
  /** Readers that wait for the next record. */
  waiting: number;
  /** Damaged stored batches that reads have met since the object woke. */
  damagedBatches: number;
  meter: { rowsWritten: number; rowsRead: number; appends: number; commits: number; since: number };
}

/** A member of a group that reads. */
export interface GroupClaim extends Claim {
  group: string;
  /** Where to begin, if the group has committed nothing. */
  autoOffsetReset: 'earliest' | 'latest';
}

/** The partition does not know the member: the group has to say whether it owns the partition. */
export interface AskGroup {
  askGroup: true;
}

export function isAskGroup(result: unknown): result is AskGroup {
  return typeof result === 'object' && result !== null && 'askGroup' in result;
}

export interface OffsetCommit extends Claim {
  group: string;
  offset: number;
  metadata: string;
  /** It takes effect when this is committed; null: at once. */
  transaction: OffsetTransaction | null;
  /**
   * Refused if a later offset than this is committed already: for reads that commit what they give out, so that no two
   * give out the same.
   */
  onlyFrom?: number;
}

export interface GroupReset {
  group: string;
  /** An epoch in which the group has no members. */
  epoch: number;
  to: NonNullable<ReadRequest['offset']> | { shiftBy: number };
  isDryRun: boolean;
}

/** What a group has committed in a partition. */
export interface GroupOffsetView {
  offset: number | null;
  metadata: string;
  /** An open transaction has committed another one. */
  isPending: boolean;
  lag: number;
  logStartOffset: number;
  highWatermark: number;
}
