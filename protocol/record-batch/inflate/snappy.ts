/**
 * Snappy: one block (google/snappy, format_description.txt), or blocks in the frames of Java's library, which Kafka's own clients send.
 *
 *   block    length varint, then elements; the two low bits of a tag say which
 *              0   literal: its length - 1 in the tag; from 60 on in the 1 to 4 bytes that follow
 *              1   copy of 4 to 11 bytes, distance of 11 bits
 *              2   copy of 1 to 64 bytes, distance of 16 bits
 *              3   copy of 1 to 64 bytes, distance of 32 bits
 *   frames   "\x82SNAPPY\0", version int32, lowest version int32, then blocks, each after its size as int32, big-endian
 */

import { readInt32 } from '../primitives/int.ts';
import { Output } from './output.ts';

const FRAMES_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const FRAMES_HEADER_BYTES = 16;

/** @returns null if the input is broken, or gives more than `bytesMax` */
export function inflateSnappy(input: Uint8Array, bytesMax: number): Uint8Array | null {
  const output = new Output(bytesMax, input.length);
  const isFramed = FRAMES_MAGIC.every((byte, at) => input[at] === byte);
  if (!isFramed) return inflateBlock(input, output) ? output.taken() : null;
  for (let at = FRAMES_HEADER_BYTES; at < input.length;) {
    if (at + 4 > input.length) return null;
    const size = readInt32(input, at);
    at += 4;
    if (size < 0 || at + size > input.length) return null;
    if (!inflateBlock(input.subarray(at, at + size), output)) return null;
    at += size;
  }
  return output.taken();
}

function inflateBlock(block: Uint8Array, output: Output): boolean {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    if (at >= block.length || shift > 28) return false;
    const byte = block[at++]!;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const start = output.length;
  while (at < block.length) {
    const tag = block[at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let count = tag >> 2;
      if (count >= 60) {
        const extra = count - 59;
        count = littleEndian(block, at, extra);
        at += extra;
      }
      count += 1;
      if (at + count > block.length || !output.literal(block, at, at + count)) return false;
      at += count;
    } else {
      const extra = kind === 3 ? 4 : kind;
      if (at + extra > block.length) return false;
      const below = littleEndian(block, at, extra);
      const distance = kind === 1 ? ((tag >> 5) << 8) | below : below;
      const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      // A block repeats only what is its own.
      if (distance > output.length - start || !output.repeat(distance, count)) return false;
      at += extra;
    }
  }
  return output.length - start === length;
}

/** Past the end there are zeros: the caller notices that too little is there. */
function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}
