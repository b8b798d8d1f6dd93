/** Byte writer of Kafka's types. Record batches are not copied: the result is a list of chunks. */

const encoder = new TextEncoder();

/** Records above it become a chunk of their own. */
const COPY_BYTES_MAX = 4_096;

export class ByteWriter {
  readonly #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(room = 512) {
    this.#bytes = new Uint8Array(room);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#chunkBytes + this.#at;
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  int8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setInt8(at, value);
  }

  int16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setInt16(at, value);
  }

  uint16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
  }

  int32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value);
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
  }

  int64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setInt32(at, Math.floor(value / 2 ** 32));
    this.#view.setUint32(at + 4, value >>> 0);
  }

  float64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
  }

  uuid(value: string): void {
    const hex = value.replaceAll('-', '');
    const at = this.#reserve(16);
    for (let nth = 0; nth < 16; nth++) this.#bytes[at + nth] = parseInt(hex.slice(2 * nth, 2 * nth + 2), 16);
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.int8((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.int8(rest);
  }

  raw(value: Uint8Array): void {
    if (value.length <= COPY_BYTES_MAX) {
      const at = this.#reserve(value.length);
      this.#bytes.set(value, at);
      return;
    }
    this.#endChunk(512);
    this.#chunks.push(value);
    this.#chunkBytes += value.length;
  }

  /** Returns a writer for what has to be measured first. */
  apart(): ByteWriter {
    return new ByteWriter(64);
  }

  /** All that was written, in order. Nothing can be written afterwards. */
  take(): Uint8Array[] {
    this.#endChunk(0);
    return this.#chunks;
  }

  #endChunk(room: number): void {
    if (this.#at > 0) {
      this.#chunks.push(this.#bytes.subarray(0, this.#at));
      this.#chunkBytes += this.#at;
    }
    this.#bytes = new Uint8Array(room);
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = 0;
  }

  #reserve(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + length));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#at += length;
    return at;
  }
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}
