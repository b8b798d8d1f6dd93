/**
 * Variable-length integers inside a record: zigzag, then groups of seven bits, least significant first, the top bit
 * of each byte saying that another follows (Kafka documentation, "Record"; Protocol Buffers' sint32 and sint64).
 *
 *   zigzag(n) = 2n for n >= 0, -2n - 1 for n < 0, so that small negative numbers stay short: null is length -1 = 0x01
 *   varint    int32, 1 to 5 bytes
 *   varlong   int64, 1 to 10 bytes; here at most 8, because |n| <= 2^53 - 1
 *
 * Reading is part of the record cursor (cursor.ts), which knows the bounds.
 */

const TWO_28 = 0x1000_0000;

/** Encoded size of an int32, in bytes. */
export function varintSize(value: number): number {
  const zigzag = (value << 1) ^ (value >> 31);
  // ceil(significant bits / 7), and one byte for zero.
  return zigzag === 0 ? 1 : ((38 - Math.clz32(zigzag)) / 7) | 0;
}

/** Encoded size of a safe integer, in bytes. */
export function varlongSize(value: number): number {
  if (value === (value | 0)) return varintSize(value);
  let rest = zigzagHigh(value);
  let size = 5;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    size++;
  }
  return size;
}

/** Writes an int32 and returns the position after it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let next = at;
  while (rest >= 0x80) {
    bytes[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}

/** Writes a safe integer and returns the position after it. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(bytes, at, value);
  const magnitude = value < 0 ? -value - 1 : value;
  const low = ((magnitude % (TWO_28 / 2)) << 1) | (value < 0 ? 1 : 0);
  bytes[at] = (low & 0x7f) | 0x80;
  bytes[at + 1] = ((low >>> 7) & 0x7f) | 0x80;
  bytes[at + 2] = ((low >>> 14) & 0x7f) | 0x80;
  bytes[at + 3] = (low >>> 21) | 0x80;
  let rest = zigzagHigh(value);
  let next = at + 4;
  while (rest >= 0x80) {
    bytes[next++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[next++] = rest;
  return next;
}

/** The zigzag form without its lowest 28 bits: zigzag needs 54 bits, one more than a number holds exactly. */
function zigzagHigh(value: number): number {
  const magnitude = value < 0 ? -value - 1 : value;
  return Math.floor(magnitude / (TWO_28 / 2));
}
