/**
 * Byte reader of Kafka's types. The first read past the end, or of a value that cannot be, breaks the reader: from then on every read
 * returns an empty value. So callers check once, at the end. A length is checked before anything is allocated.
 */

const decoder = new TextDecoder();

/** Elements of all arrays of one message together. */
const ELEMENTS_MAX = 1_000_000;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at: number;
  #elementsLeft = ELEMENTS_MAX;
  /** What was wrong; null while all is well. */
  problem: string | null = null;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  breakWith(problem: string): void {
    this.problem ??= `${problem}, at ${this.at} of ${this.bytes.length} bytes`;
  }

  bool(): boolean {
    return this.int8() !== 0;
  }

  int8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#view.getInt8(at);
  }

  int16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getInt16(at);
  }

  uint16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getUint16(at);
  }

  int32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getInt32(at);
  }

  uint32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getUint32(at);
  }

  /** As a number. Beyond 2^53 it is not exact: no offset, time or id of the broker is. */
  int64(): number {
    const at = this.#take(8);
    return at < 0 ? 0 : this.#view.getInt32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
  }

  float64(): number {
    const at = this.#take(8);
    return at < 0 ? 0 : this.#view.getFloat64(at);
  }

  uuid(): string {
    const at = this.#take(16);
    if (at < 0) return '';
    const hex = Array.from(this.bytes.subarray(at, at + 16), (byte) => HEX[byte]).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** At most five bytes, as of a uint32. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const at = this.#take(1);
      if (at < 0) return 0;
      const byte = this.bytes[at]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    this.breakWith('a varint of more than five bytes');
    return 0;
  }

  /** Reads so many bytes, as a view. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? new Uint8Array() : this.bytes.subarray(at, at + length);
  }

  text(length: number): string {
    return decoder.decode(this.raw(length));
  }

  /** Checks the number of elements of an array, each of which takes a byte at least. */
  count(length: number): number {
    if (length > this.left || length > this.#elementsLeft) {
      this.breakWith(`an array of ${length} elements`);
      return 0;
    }
    this.#elementsLeft -= length;
    return length;
  }

  /** Moves on, and returns where the bytes begin; -1 if there are not so many. */
  #take(length: number): number {
    if (this.problem !== null || length < 0 || length > this.left) {
      this.breakWith(length < 0 ? `a length of ${length}` : `${length} bytes are missing`);
      return -1;
    }
    const { at } = this;
    this.at += length;
    return at;
  }
}
