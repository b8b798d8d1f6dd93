/** What goes between the router and a partition. */

import type { ReadIsolation } from '../../core/log/aborted.ts';

/** The caller's definition of the topic is out of date, or the topic is gone: refresh, and try again once. */
export interface Stale {
  stale: true;
}

export function isStale(result: unknown): result is Stale {
  return typeof result === 'object' && result !== null && 'stale' in result;
}

export interface AppendedBatch {
  baseOffset: number;
  recordCount: number;
  /** The timestamp of all records, where the topic stamps them; else null. */
  appendTime: number | null;
}

export interface ReadRequest {
  /** The version of the topic's definition that the caller knows. */
  version: number;
  offset: number | 'earliest' | 'latest' | { timestampMs: number };
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
  meter: { rowsWritten: number; rowsRead: number; appends: number; commits: number; since: number };
}
