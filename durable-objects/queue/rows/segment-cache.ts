/** Segment cache: recently read segments, with their records once they were needed. */

import { rowKeyOf } from '../../../core/queue/state/lane.ts';
import type { LaneExtent } from '../../../core/queue/state/segment-state.ts';
import { recordsOfPieces } from '../../../core/queue/deliver/stored-records.ts';
import {
  isBatchFailure,
  isDamaged,
  splitBatches,
  surveyBatches,
  type LogRecord,
  type StoredPiece,
} from '../../../protocol/record-batch/index.ts';

/** A segment has at most 1 MiB, so this bounds the bytes; records are views into them. */
const SEGMENTS_MAX = 8;

/** Segments of which it is remembered that they are sound. Above it the memory starts anew. */
const SOUND_MAX = 4_096;

interface Entry {
  nextOffset: number;
  data: Uint8Array;
  /** Its batches, once they were looked at. */
  pieces: StoredPiece[] | null;
  isDamaged: boolean;
  records: Map<number, LogRecord> | null;
}

export class SegmentCache {
  readonly #entries = new Map<number, Entry>();
  /**
   * The offset before which a segment is sound, by row. Its CRCs were compared since the object woke, or it was appended since then: whoever
   * published it has compared them.
   */
  readonly #soundTo = new Map<number, number>();
  readonly #read: (rowKey: number) => Uint8Array;

  constructor(read: (rowKey: number) => Uint8Array) {
    this.#read = read;
  }

  data(extent: LaneExtent): Uint8Array {
    return this.#entry(extent).data;
  }

  /** By offset. */
  records(extent: LaneExtent): ReadonlyMap<number, LogRecord> {
    const entry = this.#entry(extent);
    entry.records ??= new Map(
      recordsOfPieces(entry.data, this.pieces(extent)).map((record) => [record.offset, record]),
    );
    return entry.records;
  }

  /** The batches of a segment, and what of it is damaged. */
  pieces(extent: LaneExtent): readonly StoredPiece[] {
    const entry = this.#entry(extent);
    if (entry.pieces === null) {
      const { lane, baseOffset, nextOffset } = extent;
      const batches = this.isSound(extent) ? splitBatches(entry.data) : null;
      entry.pieces =
        batches === null || isBatchFailure(batches)
          ? surveyBatches(entry.data, baseOffset, nextOffset)
          : batches;
      for (const piece of entry.pieces) {
        if (!isDamaged(piece)) continue;
        entry.isDamaged = true;
        console.error(
          `queue segment ${lane}/${baseOffset}: messages ${piece.baseOffset} to before ${piece.nextOffset} are damaged: ${piece.problem}`,
        );
      }
      if (!entry.isDamaged) this.noteSound(extent);
    }
    return entry.pieces;
  }

  isDamaged(extent: LaneExtent): boolean {
    if (this.isSound(extent)) return false;
    this.pieces(extent);
    return this.#entry(extent).isDamaged;
  }

  isSound({ lane, baseOffset, nextOffset }: LaneExtent): boolean {
    return this.#soundTo.get(rowKeyOf(lane, baseOffset)) === nextOffset;
  }

  noteSound({ lane, baseOffset, nextOffset }: LaneExtent): void {
    if (this.#soundTo.size >= SOUND_MAX) this.#soundTo.clear();
    this.#soundTo.set(rowKeyOf(lane, baseOffset), nextOffset);
  }

  put(rowKey: number, nextOffset: number, data: Uint8Array): void {
    this.#entries.delete(rowKey);
    this.#entries.set(rowKey, { nextOffset, data, pieces: null, isDamaged: false, records: null });
    if (this.#entries.size > SEGMENTS_MAX) this.#entries.delete(this.#entries.keys().next().value!);
  }

  drop(rowKey: number): void {
    this.#entries.delete(rowKey);
    this.#soundTo.delete(rowKey);
  }

  clear(): void {
    this.#entries.clear();
    this.#soundTo.clear();
  }

  #entry({ lane, baseOffset, nextOffset }: LaneExtent): Entry {
    const rowKey = rowKeyOf(lane, baseOffset);
    const known = this.#entries.get(rowKey);
    if (known?.nextOffset !== nextOffset) this.put(rowKey, nextOffset, this.#read(rowKey));
    return this.#entries.get(rowKey)!;
  }
}
