/** Output of an inflater: bytes that grow as they come, up to a limit, and that later ones may repeat. */

const FIRST_BYTES = 4 * 1024;

export class Output {
  readonly #bytesMax: number;
  #bytes: Uint8Array;
  length = 0;

  constructor(bytesMax: number, inputBytes: number) {
    this.#bytesMax = bytesMax;
    this.#bytes = new Uint8Array(Math.min(bytesMax, Math.max(FIRST_BYTES, 4 * inputBytes)));
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** Takes bytes of the input. @returns false if there is no room */
  literal(input: Uint8Array, from: number, to: number): boolean {
    if (!this.#hasRoom(to - from)) return false;
    this.#bytes.set(input.subarray(from, to), this.length);
    this.length += to - from;
    return true;
  }

  /** Repeats bytes that lie `distance` behind the end. They may overlap. @returns false if they cannot, or there is no room */
  repeat(distance: number, count: number): boolean {
    if (distance <= 0 || distance > this.length || !this.#hasRoom(count)) return false;
    const bytes = this.#bytes;
    const start = this.length;
    if (distance >= count) {
      bytes.copyWithin(start, start - distance, start - distance + count);
    } else {
      for (let at = start; at < start + count; at++) bytes[at] = bytes[at - distance]!;
    }
    this.length += count;
    return true;
  }

  #hasRoom(count: number): boolean {
    const needed = this.length + count;
    if (needed > this.#bytesMax) return false;
    if (needed <= this.#bytes.length) return true;
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, 2 * this.#bytes.length)));
    grown.set(this.taken());
    this.#bytes = grown;
    return true;
  }
}
