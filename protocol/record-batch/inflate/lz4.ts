/**
 * LZ4 frames (lz4_Frame_format.md, lz4_Block_format.md). The checksums are not compared: the CRC of the batch covers all of it.
 *
 *   frame     magic uint32, flags, block descriptor, [content size uint64], [dictionary id uint32], header checksum,
 *             blocks, end mark of zeros, [content checksum uint32]; all little-endian
 *   block     size uint32, whose highest bit says that it is not compressed; bytes; [checksum uint32]
 *   sequence  token: 4 bits for the count of literals, 4 bits for the count of a copy less 4; 15 goes on in the bytes that follow.
 *             Then literals, distance uint16, and the rest of the count. The last sequence of a block is literals alone
 */

import { Output } from './output.ts';

const MAGIC = [0x04, 0x22, 0x4d, 0x18];

/** In the flags. */
const VERSION_MASK = 0xc0;
const VERSION = 0x40;
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const DICTIONARY = 0x01;

const COPY_COUNT_MIN = 4;

/** @returns null if the input is broken, or gives more than `bytesMax` */
export function inflateLz4(input: Uint8Array, bytesMax: number): Uint8Array | null {
  const flags = input[4] ?? 0;
  if (!MAGIC.every((byte, at) => input[at] === byte)) return null;
  if ((flags & VERSION_MASK) !== VERSION || (flags & DICTIONARY) !== 0) return null;
  const output = new Output(bytesMax, input.length);
  const checksumBytes = (flags & BLOCK_CHECKSUM) === 0 ? 0 : 4;
  let at = MAGIC.length + 3 + ((flags & CONTENT_SIZE) === 0 ? 0 : 8);
  for (;;) {
    if (at + 4 > input.length) return null;
    const isPlain = input[at + 3]! >= 0x80;
    const size =
      input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | ((input[at + 3]! & 0x7f) << 24);
    at += 4;
    // What may follow is the checksum of the content.
    if (size === 0) return output.taken();
    const end = at + size;
    if (end + checksumBytes > input.length) return null;
    const isTaken = isPlain ? output.literal(input, at, end) : inflateBlock(input, at, end, output);
    if (!isTaken) return null;
    at = end + checksumBytes;
  }
}

function inflateBlock(input: Uint8Array, from: number, end: number, output: Output): boolean {
  let at = from;
  const restOf = (start: number): number => {
    let count = start;
    if (start < 15) return count;
    let byte: number;
    do {
      if (at >= end) return Infinity;
      byte = input[at++]!;
      count += byte;
    } while (byte === 255);
    return count;
  };
  while (at < end) {
    const token = input[at++]!;
    const literals = restOf(token >> 4);
    if (at + literals > end || !output.literal(input, at, at + literals)) return false;
    at += literals;
    if (at === end) return true;
    if (at + 2 > end) return false;
    const distance = input[at]! | (input[at + 1]! << 8);
    at += 2;
    if (!output.repeat(distance, restOf(token & 15) + COPY_COUNT_MIN)) return false;
  }
  return false;
}
