/** Byte writer: writes AMQP's primitive values into a buffer that grows. */

const encoder = new TextEncoder();
const SHORT_TEXT_BYTES_MAX = 255;

export class ByteWriter {
  #bytes: Uint8Array;
  /** Made when it is first needed: most of what is written is small integers, texts and bytes. */
  #lazyView: DataView | null = null;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** A view of what was written. */
  result(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  uint8(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  int8(value: number): void {
    const at = this.#grow(1);
    this.#view.setInt8(at, value);
  }

  uint16(value: number): void {
    const at = this.#grow(2);
    this.#bytes[at] = value >> 8;
    this.#bytes[at + 1] = value;
  }

  int16(value: number): void {
    const at = this.#grow(2);
    this.#view.setInt16(at, value);
  }

  uint32(value: number): void {
    this.#setUint32(this.#grow(4), value);
  }

  int32(value: number): void {
    const at = this.#grow(4);
    this.#view.setInt32(at, value);
  }

  /** An integer below 2^53: `uint64` without a bigint. */
  count64(value: number): void {
    this.uint32(Math.floor(value / 2 ** 32));
    this.uint32(value % 2 ** 32);
  }

  uint64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
  }

  int64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigInt64(at, value);
  }

  float32(value: number): void {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value);
  }

  float64(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Text above 255 bytes is cut at a character: it is only ever text for people. */
  shortText(text: string): void {
    if (text.length <= SHORT_TEXT_BYTES_MAX && this.#asciiText(text)) return;
    let bytes = encoder.encode(text);
    if (bytes.length > SHORT_TEXT_BYTES_MAX) {
      let end = SHORT_TEXT_BYTES_MAX;
      while ((bytes[end]! & 0xc0) === 0x80) end--;
      bytes = bytes.subarray(0, end);
    }
    this.uint8(bytes.length);
    this.bytes(bytes);
  }

  /** Most short texts are names of ASCII. Returns false, with nothing written, for others. */
  #asciiText(text: string): boolean {
    const at = this.#grow(1 + text.length);
    this.#bytes[at] = text.length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.#length = at;
        return false;
      }
      this.#bytes[at + 1 + index] = code;
    }
    return true;
  }

  longBytes(bytes: Uint8Array): void {
    this.uint32(bytes.length);
    this.bytes(bytes);
  }

  /** Writes what `write` writes, with its length as uint32 before it. */
  withLength(write: () => void): void {
    const at = this.#grow(4);
    write();
    this.#setUint32(at, this.#length - at - 4);
  }

  #grow(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      bytes.set(this.#bytes.subarray(0, at));
      this.#bytes = bytes;
      this.#lazyView = null;
    }
    return at;
  }

  #setUint32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  get #view(): DataView {
    return (this.#lazyView ??= new DataView(this.#bytes.buffer));
  }
}
