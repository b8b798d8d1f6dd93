/** The segments that were looked at last, with their records once somebody asked for them. */

import { placeOf } from '../../core/queue/lane.ts';
import type { LaneExtent } from '../../core/queue/segment-state.ts';
import {
  decodeRecords,
  isBatchFailure,
  splitBatches,
  type LogRecord,
} from '../../protocol/record-batch/index.ts';

/** A segment has at most 1 MiB, so this bounds the bytes; records are views into them. */
const SEGMENTS_MAX = 8;

interface Entry {
  nextOffset: number;
  data: Uint8Array;
  records: Map<number, LogRecord> | null;
}

export class SegmentCache {
  readonly #entries = new Map<number, Entry>();
  readonly #read: (place: number) => Uint8Array;

  constructor(read: (place: number) => Uint8Array) {
    this.#read = read;
  }

  data(extent: LaneExtent): Uint8Array {
    return this.#entry(extent).data;
  }

  /** By offset. */
  records(extent: LaneExtent): ReadonlyMap<number, LogRecord> {
    const entry = this.#entry(extent);
    entry.records ??= new Map(recordsOf(entry.data).map((record) => [record.offset, record]));
    return entry.records;
  }

  put(place: number, nextOffset: number, data: Uint8Array): void {
    this.#entries.delete(place);
    this.#entries.set(place, { nextOffset, data, records: null });
    if (this.#entries.size > SEGMENTS_MAX) this.#entries.delete(this.#entries.keys().next().value!);
  }

  drop(place: number): void {
    this.#entries.delete(place);
  }

  clear(): void {
    this.#entries.clear();
  }

  #entry({ lane, baseOffset, nextOffset }: LaneExtent): Entry {
    const place = placeOf(lane, baseOffset);
    const known = this.#entries.get(place);
    if (known?.nextOffset !== nextOffset) this.put(place, nextOffset, this.#read(place));
    return this.#entries.get(place)!;
  }
}

/** The records of batches that were stored, and so are sound. */
export function recordsOf(data: Uint8Array): LogRecord[] {
  const batches = splitBatches(data);
  if (isBatchFailure(batches)) throw new Error(`a stored segment is damaged: ${batches.message}`);
  return batches.flatMap(({ at, header }) => {
    const records = decodeRecords(data, at, header);
    if (isBatchFailure(records)) throw new Error(`a stored batch is damaged: ${records.message}`);
    return records;
  });
}
