/**
 * The message that a partition sends to a waiting reader:
 *
 *   float64 start offset, float64 next offset, float64 high watermark, float64 log start offset,
 *   float64 last stable offset (big-endian), then whole record batches, of which the first may begin before the start
 *   offset
 */

export interface FetchFrame {
  startOffset: number;
  nextOffset: number;
  highWatermark: number;
  logStartOffset: number;
  lastStableOffset: number;
  batches: Uint8Array;
}

const HEADER_BYTES = 40;

export function encodeFetchFrame(frame: FetchFrame): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + frame.batches.length);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, frame.startOffset);
  view.setFloat64(8, frame.nextOffset);
  view.setFloat64(16, frame.highWatermark);
  view.setFloat64(24, frame.logStartOffset);
  view.setFloat64(32, frame.lastStableOffset);
  bytes.set(frame.batches, HEADER_BYTES);
  return bytes;
}

export function decodeFetchFrame(bytes: Uint8Array): FetchFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    startOffset: view.getFloat64(0),
    nextOffset: view.getFloat64(8),
    highWatermark: view.getFloat64(16),
    logStartOffset: view.getFloat64(24),
    lastStableOffset: view.getFloat64(32),
    batches: bytes.subarray(HEADER_BYTES),
  };
}
