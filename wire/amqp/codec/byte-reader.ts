/**
 * Byte reader: reads AMQP's primitive values from bytes that nobody has checked. It never throws. After the first read past
 * the end, `isBroken` is true, and every further read returns an empty value.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const EMPTY = new Uint8Array();

/** Longer texts are decoded by the platform. */
const ASCII_BYTES_MAX = 48;

export class ByteReader {
  readonly #bytes: Uint8Array;
  /** Made when it is first needed: most methods have small integers and texts only. */
  #lazyView: DataView | null = null;
  #at: number;
  #end: number;
  #isBroken = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = bytes.length;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  /** Marks the bytes as malformed, for a caller that finds a value that cannot be. */
  break(): void {
    this.#isBroken = true;
    this.#at = this.#end;
  }

  uint8(): number {
    return this.#take(1) ? this.#bytes[this.#at - 1]! : 0;
  }

  int8(): number {
    return this.#take(1) ? this.#view.getInt8(this.#at - 1) : 0;
  }

  uint16(): number {
    return this.#take(2) ? (this.#bytes[this.#at - 2]! << 8) | this.#bytes[this.#at - 1]! : 0;
  }

  int16(): number {
    return this.#take(2) ? this.#view.getInt16(this.#at - 2) : 0;
  }

  uint32(): number {
    if (!this.#take(4)) return 0;
    const [bytes, at] = [this.#bytes, this.#at - 4];
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  int32(): number {
    return this.#take(4) ? this.#view.getInt32(this.#at - 4) : 0;
  }

  /** `uint64` as a number, which is inexact above 2^53. */
  count64(): number {
    if (this.left < 8) this.break();
    return this.uint32() * 2 ** 32 + this.uint32();
  }

  uint64(): bigint {
    return this.#take(8) ? this.#view.getBigUint64(this.#at - 8) : 0n;
  }

  int64(): bigint {
    return this.#take(8) ? this.#view.getBigInt64(this.#at - 8) : 0n;
  }

  float32(): number {
    return this.#take(4) ? this.#view.getFloat32(this.#at - 4) : 0;
  }

  float64(): number {
    return this.#take(8) ? this.#view.getFloat64(this.#at - 8) : 0;
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    return this.#take(length) ? this.#bytes.subarray(this.#at - length, this.#at) : EMPTY;
  }

  /** Text of at most 255 bytes of UTF-8. */
  shortText(): string {
    const length = this.uint8();
    if (!this.#take(length)) return '';
    const ascii = asciiText(this.#bytes, this.#at - length, this.#at);
    if (ascii !== null) return ascii;
    const bytes = this.#bytes.subarray(this.#at - length, this.#at);
    try {
      return utf8.decode(bytes);
    } catch {
      this.break();
      return '';
    }
  }

  longBytes(): Uint8Array {
    return this.bytes(this.uint32());
  }

  /** Runs `read` on the next `length` bytes only, which it has to use up. */
  within<Value>(length: number, read: () => Value): Value | null {
    if (!this.#take(length)) return null;
    const outerEnd = this.#end;
    this.#end = this.#at;
    this.#at -= length;
    const value = read();
    if (this.#at !== this.#end) this.#isBroken = true;
    this.#end = outerEnd;
    if (this.#isBroken) this.#at = outerEnd;
    return value;
  }

  get #view(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    return (this.#lazyView ??= new DataView(buffer, byteOffset, byteLength));
  }

  #take(length: number): boolean {
    if (this.#isBroken || length > this.#end - this.#at) {
      this.break();
      return false;
    }
    this.#at += length;
    return true;
  }
}

/** Most short texts are names of ASCII, which a loop reads in less time than a decoder is called. Null for others. */
function asciiText(bytes: Uint8Array, start: number, end: number): string | null {
  if (end - start > ASCII_BYTES_MAX) return null;
  let text = '';
  for (let at = start; at < end; at++) {
    if (bytes[at]! > 0x7f) return null;
    text += String.fromCharCode(bytes[at]!);
  }
  return text;
}
