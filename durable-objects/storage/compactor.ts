/**
 * Compactor: compacts a segment log in slices (the rules are in core/log/compaction.ts). Its findings are in memory
 * only, so an object that left memory in the middle begins its round again. Each step reads, decides and commits
 * without a pause.
 */

import {
  COMPACTION_SLICE_BYTES,
  isWorthCompacting,
  OffsetMap,
  survivesCompaction,
  type CompactionPolicy,
} from '../../core/log/compaction.ts';
import { isAborted, type AbortedTransaction } from '../../core/log/aborted.ts';
import type { SegmentExtent } from '../../core/log/segment.ts';
import { SEGMENT_BYTES_MAX } from '../../protocol/limits.ts';
import {
  eachRecordKey,
  isBatchFailure,
  isDamaged,
  readBatchHeader,
  retainRecords,
  surveyBatches,
  type BatchHeader,
  type RetainCodec,
} from '../../protocol/record-batch/index.ts';
import { concatenate } from '../../protocol/bytes.ts';
import { DamageNotes } from './damage-notes.ts';
import type { SegmentLog } from './segment-log.ts';
import type { Segment } from './segment-store.ts';

interface Round {
  phase: 'map' | 'clean';
  map: OffsetMap;
  /** Where the next slice begins. */
  offset: number;
  /** Where the map ends: nothing at or after it is cleaned in this round. */
  end: number;
}

/** Neighbouring segments that become one. */
interface Run {
  extents: SegmentExtent[];
  batches: Uint8Array[];
  bytes: number;
  maxTimestamp: number;
  changed: boolean;
}

/** The transactions, as compaction sees them. */
export interface Transactions {
  /** Below it every transaction has ended. */
  readonly lastStableOffset: number;
  /** The aborted ones with records in `[from, to)`. */
  abortedIn(from: number, to: number): AbortedTransaction[];
}

export class Compactor {
  readonly #log: SegmentLog;
  readonly #codec: RetainCodec;
  readonly #transactions: Transactions | null;
  #round: Round | null = null;

  readonly #damage: DamageNotes;

  /** @param transactions null for a log that has none */
  constructor(
    log: SegmentLog,
    codec: RetainCodec,
    transactions: Transactions | null = null,
    damage = new DamageNotes('log'),
  ) {
    this.#damage = damage;
    this.#log = log;
    this.#codec = codec;
    this.#transactions = transactions;
  }

  /** True if a slice should be run: a round is under way, or enough of the log is new. */
  isDue(policy: CompactionPolicy): boolean {
    if (this.#round !== null) return true;
    const { tail } = this.#log.head;
    if (tail === null) return false;
    const dirtyBytes = tail.position - Math.max(this.#log.compacted.position, 0);
    return isWorthCompacting(Math.min(dirtyBytes, this.#log.sizeBytes), this.#log.sizeBytes, policy);
  }

  /** Runs one slice. True if the round goes on and should be run again soon. */
  runSlice(policy: CompactionPolicy, nowMs: number): boolean {
    const start = Math.max(this.#log.compacted.offset, this.#log.offsets.logStartOffset);
    this.#round ??= { phase: 'map', map: new OffsetMap(), offset: start, end: start };
    try {
      if (this.#round.phase === 'map') this.#mapSlice(this.#round);
      else this.#cleanSlice(this.#round, policy, nowMs);
    } catch (error) {
      this.#round = null; // it may have gone past what was not written: the next one begins anew
      throw error;
    }
    return this.#round !== null;
  }

  #mapSlice(round: Round): void {
    let bytes = 0;
    for (const segment of this.#log.segmentsFrom(round.offset)) {
      if (this.#isTail(segment) || this.#isUnstable(segment) || round.map.isFull) {
        this.#beginCleaning(round);
        return;
      }
      this.#eachKey(segment, (record) => round.map.add(record));
      round.offset = round.end = segment.nextOffset;
      bytes += segment.bytes;
      if (bytes >= COMPACTION_SLICE_BYTES) return;
    }
    this.#beginCleaning(round);
  }

  #beginCleaning(round: Round): void {
    round.phase = 'clean';
    round.offset = this.#log.offsets.logStartOffset;
  }

  #cleanSlice(round: Round, policy: CompactionPolicy, nowMs: number): void {
    const runs: Run[] = [];
    let bytes = 0;
    let finished = true;
    for (const segment of this.#log.segmentsFrom(round.offset)) {
      if (segment.baseOffset >= round.end || this.#isTail(segment)) break;
      this.#clean(segment, runs, round.map, policy, nowMs);
      round.offset = segment.nextOffset;
      bytes += segment.bytes;
      if (bytes >= COMPACTION_SLICE_BYTES) {
        finished = false;
        break;
      }
    }
    for (const run of runs) {
      if (run.changed) this.#log.rewrite(run.extents, concatenate(run.batches), run.maxTimestamp);
    }
    if (!finished) return;
    this.#log.markCompacted(round.end);
    this.#round = null;
  }

  /** Adds the remaining records of a segment to the last run if they fit, or begins a new run. */
  #clean(segment: Segment, runs: Run[], map: OffsetMap, policy: CompactionPolicy, nowMs: number): void {
    const { data, ...extent } = segment;
    const aborted = this.#abortedIn(segment);
    const kept: Uint8Array[] = [];
    let changed = false;
    let maxTimestamp = -1;
    for (const piece of surveyBatches(data, extent.baseOffset, extent.nextOffset)) {
      if (isDamaged(piece)) {
        // It stays as it is: what is left of it can be fetched as bytes, and nobody knows what it supersedes.
        this.#damage.note(piece.baseOffset, piece.problem);
        kept.push(data.subarray(piece.at, piece.end));
        maxTimestamp = Math.max(maxTimestamp, extent.maxTimestamp);
        continue;
      }
      const { at, header } = piece;
      const end = at + header.sizeInBytes;
      const survivors = header.isControl
        ? markerSurvives(header, policy, nowMs)
        : isAborted(header, aborted)
          ? null
          : retainRecords(
              data,
              at,
              (record) => survivesCompaction(datedRecord(record, extent), map, policy, nowMs),
              this.#codec,
            );
      if (survivors !== null && typeof survivors === 'object' && 'code' in survivors) {
        throw new Error(`stored batch is damaged at offset ${header.baseOffset}: ${survivors.message}`);
      }
      if (survivors === 'unchanged') kept.push(data.subarray(at, end));
      else if (survivors !== null) kept.push(survivors);
      if (survivors !== null) {
        const left = survivors === 'unchanged' ? header : writtenHeader(survivors);
        maxTimestamp = Math.max(
          maxTimestamp,
          datedRecord({ timestamp: left.maxTimestamp }, extent).timestamp,
        );
      }
      changed ||= survivors !== 'unchanged';
    }
    const bytes = kept.reduce((sum, batch) => sum + batch.length, 0);
    let run = runs[runs.length - 1];
    if (run === undefined || run.bytes + bytes > SEGMENT_BYTES_MAX) {
      run = { extents: [], batches: [], bytes: 0, maxTimestamp: -1, changed: false };
      runs.push(run);
    }
    run.extents.push(extent);
    run.batches.push(...kept);
    run.bytes += bytes;
    run.maxTimestamp = Math.max(run.maxTimestamp, maxTimestamp);
    run.changed ||= changed;
  }

  #eachKey(segment: Segment, visit: Parameters<typeof eachRecordKey>[3]): void {
    const aborted = this.#abortedIn(segment);
    for (const piece of surveyBatches(segment.data, segment.baseOffset, segment.nextOffset)) {
      if (isDamaged(piece)) {
        this.#damage.note(piece.baseOffset, piece.problem);
        continue;
      }
      const { at, header } = piece;
      const counts = !header.isControl && !isAborted(header, aborted);
      const damage = !counts ? null : eachRecordKey(segment.data, at, header, visit, this.#codec);
      if (damage)
        throw new Error(`stored batch is damaged at offset ${header.baseOffset}: ${damage.message}`);
    }
  }

  #abortedIn({ baseOffset, nextOffset }: SegmentExtent): AbortedTransaction[] {
    return this.#transactions?.abortedIn(baseOffset, nextOffset) ?? [];
  }

  /** True if the outcome of the segment's records may be unknown yet. */
  #isUnstable({ nextOffset }: SegmentExtent): boolean {
    return this.#transactions !== null && nextOffset > this.#transactions.lastStableOffset;
  }

  #isTail(segment: SegmentExtent): boolean {
    return segment.baseOffset === this.#log.head.tail?.baseOffset;
  }
}

function writtenHeader(batch: Uint8Array): BatchHeader {
  const header = readBatchHeader(batch, 0);
  if (isBatchFailure(header))
    throw new Error(`compaction has written what it cannot read: ${header.message}`);
  return header;
}

/**
 * Below the last stable offset markers tell nothing that the index of aborted transactions and the snapshot of the
 * producers do not; they stay as long as tombstones, for readers that look for them.
 */
function markerSurvives(header: BatchHeader, policy: CompactionPolicy, nowMs: number): 'unchanged' | null {
  return header.maxTimestamp < nowMs - policy.deleteRetentionMs ? null : 'unchanged';
}

/** A record without a timestamp is as old as the youngest of its segment, which counts when such a record arrived. */
function datedRecord<Dated extends { timestamp: number }>(
  record: Dated,
  { maxTimestamp }: SegmentExtent,
): Dated {
  return record.timestamp < 0 ? { ...record, timestamp: maxTimestamp } : record;
}
