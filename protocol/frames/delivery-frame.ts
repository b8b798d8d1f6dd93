/**
 * Delivery frames: deliveries as bytes. All numbers are big-endian.
 *
 *   frame    = float64 queue id, then sections
 *   section  = uint8 lane, uint32 number of runs, uint32 bytes of record batches,
 *              runs, each: float64 first offset, float64 offset after the last, uint32 delivery,
 *                          float64 when the lease expires (ms since 1970; 0: none, settled already)
 *              record batches that hold the messages of the runs, and perhaps others, which are not delivered
 *
 * The tag of a message is that of (queue id, lane, its offset, delivery of its run): delivery-tag.ts.
 */

import { formatTag } from './delivery-tag.ts';
import { DELIVER_MESSAGES_MAX } from '../limits.ts';

export interface DeliveryRun {
  start: number;
  end: number;
  delivery: number;
  expiresAtMs: number;
}

export interface DeliverySection {
  lane: number;
  runs: DeliveryRun[];
  batches: Uint8Array;
}

export interface DeliveryFrame {
  queueId: number;
  sections: DeliverySection[];
}

const RUN_BYTES = 28;
const SECTION_BYTES = 9;

export function encodeDeliveryFrame({ queueId, sections }: DeliveryFrame): Uint8Array {
  const size = sections.reduce(
    (sum, { runs, batches }) => sum + SECTION_BYTES + runs.length * RUN_BYTES + batches.length,
    8,
  );
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, queueId);
  let at = 8;
  for (const { lane, runs, batches } of sections) {
    view.setUint8(at, lane);
    view.setUint32(at + 1, runs.length);
    view.setUint32(at + 5, batches.length);
    at += SECTION_BYTES;
    for (const run of runs) {
      view.setFloat64(at, run.start);
      view.setFloat64(at + 8, run.end);
      view.setUint32(at + 16, run.delivery);
      view.setFloat64(at + 20, run.expiresAtMs);
      at += RUN_BYTES;
    }
    bytes.set(batches, at);
    at += batches.length;
  }
  return bytes;
}

/**
 * Reads what `encodeDeliveryFrame` wrote; a RangeError for anything else: also for runs of more messages than one delivery
 * has, which would keep whoever goes through them busy for ever.
 */
export function decodeDeliveryFrame(bytes: Uint8Array): DeliveryFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frame: DeliveryFrame = { queueId: view.getFloat64(0), sections: [] };
  if (!isOffset(frame.queueId)) throw new RangeError('the frame does not begin with the id of a queue');
  let count = 0;
  for (let at = 8; at < bytes.length;) {
    const lane = view.getUint8(at);
    const runCount = view.getUint32(at + 1);
    const batchesLength = view.getUint32(at + 5);
    at += SECTION_BYTES;
    const runs: DeliveryRun[] = [];
    for (let run = 0; run < runCount; run++, at += RUN_BYTES) {
      const [start, end] = [view.getFloat64(at), view.getFloat64(at + 8)];
      const expiresAtMs = view.getFloat64(at + 20);
      if (!isOffset(start) || !isOffset(end) || end <= start || Number.isNaN(expiresAtMs))
        throw new RangeError('a run of the frame does not end after it begins');
      count += end - start;
      if (count > DELIVER_MESSAGES_MAX) throw new RangeError('the frame tells of more than was asked for');
      runs.push({ start, end, delivery: view.getUint32(at + 16), expiresAtMs });
    }
    if (at + batchesLength > bytes.length) throw new RangeError('the frame ends inside its batches');
    frame.sections.push({ lane, runs, batches: bytes.subarray(at, at + batchesLength) });
    at += batchesLength;
  }
  return frame;
}

function isOffset(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

/** Returns how many deliveries a frame has. */
export function deliveryCount(bytes: Uint8Array): number {
  const runs = decodeDeliveryFrame(bytes).sections.flatMap((section) => section.runs);
  return runs.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The tags of all messages of a frame. */
export function tagsOfFrame(bytes: Uint8Array): string[] {
  const { queueId, sections } = decodeDeliveryFrame(bytes);
  return sections.flatMap(({ lane, runs }) =>
    runs.flatMap(({ start, end, delivery }) =>
      Array.from({ length: end - start }, (_, nth) =>
        formatTag({ queueId, lane, offset: start + nth, delivery }),
      ),
    ),
  );
}
