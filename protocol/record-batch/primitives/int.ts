/**
 * Fixed-width big-endian integers, as Kafka's protocol writes them. Shifts instead of a DataView: nothing is
 * allocated, and V8 compiles both to about the same code.
 *
 * An int64 is a JavaScript number. Every int64 of a batch (offsets, milliseconds, producer ids) is a count that stays
 * below 2^53; reading one beyond gives a number for which `Number.isSafeInteger` is false (rounding is monotone, so
 * an unsafe value never becomes a safe one), and the caller reports the batch as invalid.
 */

const TWO_32 = 0x1_0000_0000;

export function readInt16(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) >> 16) | bytes[at + 1]!;
}

export function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) >>> 0;
}

/** The exact value when it is a safe integer, otherwise some number that is not one. */
export function readInt64(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) * TWO_32 + readUint32(bytes, at + 4);
}

export function writeInt16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

/** Writes the low 32 bits, so that it serves int32 and uint32 alike. */
export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** `value` is a safe integer; floor makes the high half of a negative number that of its two's complement. */
export function writeInt64(bytes: Uint8Array, at: number, value: number): void {
  writeInt32(bytes, at, Math.floor(value / TWO_32));
  writeInt32(bytes, at + 4, value);
}
