/** The bytes of what was delivered: stored batches as they are, cut where most of one was not delivered. */

import type { DeliverySlice } from '../../core/queue/deliver.ts';
import type { LaneExtent } from '../../core/queue/segment-state.ts';
import type { DeliverySection } from '../../protocol/delivery-frame.ts';
import { isBatchFailure, retainRecords, splitBatches } from '../../protocol/record-batch/index.ts';
import { concatenate } from '../storage/bytes.ts';

/** Below it a batch is sent whole rather than cut: cutting costs more than a few bytes. */
const CUT_BYTES_MIN = 2_048;

export function deliverySections(
  slices: readonly DeliverySlice[],
  dataOf: (extent: LaneExtent) => Uint8Array,
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
    sections.push({ lane: extent.lane, runs, batches: batchesOf(dataOf(extent), runs) });
    first = end;
  }
  return sections;
}

function batchesOf(data: Uint8Array, runs: readonly { start: number; end: number }[]): Uint8Array {
  const batches = splitBatches(data);
  if (isBatchFailure(batches)) throw new Error(`a stored segment is damaged: ${batches.message}`);
  const chosen: Uint8Array[] = [];
  for (const { at, header } of batches) {
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
