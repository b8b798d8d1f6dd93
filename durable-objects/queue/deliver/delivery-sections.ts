/**
 * Delivery sections: the bytes of delivered messages. They are stored batches, cut if most of a batch was not
 * delivered.
 */

import type { DeliverySlice } from '../../../core/queue/deliver/deliver.ts';
import type { DeliverySection } from '../../../protocol/frames/delivery-frame.ts';
import { isDamaged, retainRecords, type StoredPiece } from '../../../protocol/record-batch/index.ts';
import { concatenate } from '../../../protocol/bytes.ts';
import type { SegmentCache } from '../rows/segment-cache.ts';

/** Below it a batch is sent whole rather than cut: cutting costs more than a few bytes. */
const CUT_BYTES_MIN = 2_048;

export function deliverySections(
  slices: readonly DeliverySlice[],
  segments: Pick<SegmentCache, 'data' | 'pieces'>,
): DeliverySection[] {
  const sections: DeliverySection[] = [];
  for (let first = 0; first < slices.length;) {
    const { extent } = slices[first]!;
    let end = first + 1;
    while (slices[end]?.extent === extent) end += 1;
    const runs = slices.slice(first, end).map(({ start, end: runEnd, delivery, expiresAtMs }) => ({
      start,
      end: runEnd,
      delivery,
      expiresAtMs,
    }));
    sections.push({
      lane: extent.lane,
      runs,
      batches: batchesOf(segments.data(extent), segments.pieces(extent), runs),
    });
    first = end;
  }
  return sections;
}

function batchesOf(
  data: Uint8Array,
  pieces: readonly StoredPiece[],
  runs: readonly { start: number; end: number }[],
): Uint8Array {
  const chosen: Uint8Array[] = [];
  for (const piece of pieces) {
    if (isDamaged(piece)) continue; // its messages have died instead of being delivered
    const { at, header } = piece;
    const start = header.baseOffset;
    const end = start + header.lastOffsetDelta + 1;
    let covered = 0;
    for (const run of runs) covered += Math.max(0, Math.min(end, run.end) - Math.max(start, run.start));
    if (covered === 0) continue;
    if (covered * 2 >= header.recordCount || header.sizeInBytes < CUT_BYTES_MIN) {
      chosen.push(data.subarray(at, at + header.sizeInBytes));
      continue;
    }
    const isDelivered = (offset: number): boolean =>
      runs.some((run) => offset >= run.start && offset < run.end);
    const cut = retainRecords(data, at, ({ offset }) => isDelivered(offset));
    if (!(cut instanceof Uint8Array)) throw new Error(`a stored batch cannot be cut at offset ${start}`);
    chosen.push(cut);
  }
  return concatenate(chosen);
}
