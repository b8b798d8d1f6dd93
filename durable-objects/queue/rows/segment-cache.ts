/** Segment cache: recently read segments, with their records once they were needed. */

import { rowKeyOf } from '../../../core/queue/state/lane.ts';
import type { LaneExtent } from '../../../core/queue/state/segment-state.ts';
import { recordsOfPieces } from '../../../core/queue/deliver/stored-records.ts';
import {
  isDamaged,
  surveyBatches,
  type LogRecord,
  type StoredPiece,
} from '../../../protocol/record-batch/index.ts';

/** A segment has at most 1 MiB, so this bounds the bytes; records are views into them. */
const SEGMENTS_MAX = 8;

interface Entry {
  nextOffset: number;
  data: Uint8Array;
  /** Its bytes have never been on disk only: whoever published them compared their CRCs. */
  isSound: boolean;
  /** Its batches, once their CRCs were compared. */
  pieces: StoredPiece[] | null;
  isDamaged: boolean;
  records: Map<number, LogRecord> | null;
}

export class SegmentCache {
  readonly #entries = new Map<number, Entry>();
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
      entry.pieces = surveyBatches(entry.data, baseOffset, nextOffset);
      for (const piece of entry.pieces) {
        if (!isDamaged(piece)) continue;
        entry.isDamaged = true;
        console.error(
          `queue segment ${lane}/${baseOffset}: messages ${piece.baseOffset} to before ${piece.nextOffset} are damaged: ${piece.problem}`,
        );
      }
    }
    return entry.pieces;
  }

  isDamaged(extent: LaneExtent): boolean {
    if (this.#entry(extent).isSound) return false;
    this.pieces(extent);
    return this.#entry(extent).isDamaged;
  }

  /** Whether nothing of a segment was read from the disk. */
  isSound(extent: LaneExtent): boolean {
    return this.#entry(extent).isSound;
  }

  put(rowKey: number, nextOffset: number, data: Uint8Array, isSound: boolean): void {
    this.#entries.delete(rowKey);
    this.#entries.set(rowKey, { nextOffset, data, isSound, pieces: null, isDamaged: false, records: null });
    if (this.#entries.size > SEGMENTS_MAX) this.#entries.delete(this.#entries.keys().next().value!);
  }

  drop(rowKey: number): void {
    this.#entries.delete(rowKey);
  }

  clear(): void {
    this.#entries.clear();
  }

  #entry({ lane, baseOffset, nextOffset }: LaneExtent): Entry {
    const rowKey = rowKeyOf(lane, baseOffset);
    const known = this.#entries.get(rowKey);
    if (known?.nextOffset !== nextOffset) this.put(rowKey, nextOffset, this.#read(rowKey), false);
    return this.#entries.get(rowKey)!;
  }
}
