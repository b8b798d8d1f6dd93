/**
 * Compaction: of each key only the latest record stays (Kafka's log cleaner). Two passes over the log, both in slices:
 *
 *   map     reads the part that has grown since the last round, up to the tail or until the map is full, and notes the
 *           last offset of each key
 *   clean   reads from the start of the log up to where the map ends and drops every record that the map knows a later
 *           one of, and tombstones that are old enough
 *
 * Cleaning goes from old to new, so a tombstone never goes before the records that it deletes. A round that is cut off
 * begins again and finds less to do. Records without a key stay.
 */

import type { RecordKey } from '../../protocol/record-batch/index.ts';

/** The bytes that one slice may read, so that it does not delay requests. */
export const COMPACTION_SLICE_BYTES = 4 * 1024 * 1024;

/** Bounds of the map: it lives in the memory of the object. */
export const COMPACTION_KEYS_MAX = 200_000;
export const COMPACTION_KEY_BYTES_MAX = 16 * 1024 * 1024;

/** The delay between new records and compaction, so that a burst costs one round. Kafka's `log.cleaner.backoff.ms`. */
export const COMPACTION_DELAY_MS = 15_000;

export interface CompactionPolicy {
  /** The share of the log's bytes that must be new before a round begins. */
  minCleanableDirtyRatio: number;
  /** How long a tombstone stays readable, by its timestamp. */
  deleteRetentionMs: number;
}

/** The last offset of each key in a part of the log. */
export class OffsetMap {
  readonly #lastOffsets = new Map<string, number>();
  #keyBytes = 0;

  get isFull(): boolean {
    return this.#lastOffsets.size >= COMPACTION_KEYS_MAX || this.#keyBytes >= COMPACTION_KEY_BYTES_MAX;
  }

  add({ key, offset }: RecordKey): void {
    if (key === null) return;
    const text = latin1(key);
    if (!this.#lastOffsets.has(text)) this.#keyBytes += text.length;
    this.#lastOffsets.set(text, offset);
  }

  lastOffset(key: Uint8Array): number | undefined {
    return this.#lastOffsets.get(latin1(key));
  }
}

export function survivesCompaction(
  record: RecordKey,
  map: OffsetMap,
  policy: CompactionPolicy,
  nowMs: number,
): boolean {
  if (record.key === null) return true;
  if ((map.lastOffset(record.key) ?? -1) > record.offset) return false;
  return !(record.isTombstone && record.timestamp < nowMs - policy.deleteRetentionMs);
}

export function isWorthCompacting(dirtyBytes: number, logBytes: number, policy: CompactionPolicy): boolean {
  return dirtyBytes > 0 && dirtyBytes / Math.max(logBytes, 1) >= policy.minCleanableDirtyRatio;
}

/** One character a byte: exact, and one byte of memory each. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
