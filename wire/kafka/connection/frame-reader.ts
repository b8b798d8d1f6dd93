/**
 * Frame reader: cuts the bytes of a connection into requests. Each is an int32 length and so many bytes. A length is checked when it
 * is there, before the bytes that it announces; and it takes no more memory than those that have come, however the network has cut them.
 */

const EMPTY = new Uint8Array();

/** Of the length before each request. */
const HEAD = 4;

export class FrameReader {
  /** Of one request. */
  #bytesMax: number;
  /** The beginning of a request. Its first `#length` bytes are filled. */
  #held = EMPTY;
  #length = 0;
  #problem: string | null = null;
  /** The problem is a length that may be allowed yet. */
  #isTooLong = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Why the connection cannot go on; null while it can. */
  get problem(): string | null {
    return this.#problem;
  }

  /** A request is longer than may be. What has come of it is held, until it is allowed. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** From now on requests may have so many bytes. Returns those that are complete, if one was too long before. */
  allow(bytesMax: number): Uint8Array[] {
    this.#bytesMax = bytesMax;
    if (!this.#isTooLong) return [];
    this.#isTooLong = false;
    this.#problem = null;
    const held = this.#held.subarray(0, this.#length);
    this.#forget();
    return this.push(held);
  }

  /** Bytes that are held, of a request that is not complete. */
  get heldBytes(): number {
    return this.#length;
  }

  /** Returns the requests that are complete, without their lengths. */
  push(chunk: Uint8Array): Uint8Array[] {
    const requests: Uint8Array[] = [];
    if (this.#isTooLong) this.#hold(chunk);
    if (this.#problem !== null) return requests;
    let rest = this.#length > 0 ? this.#complete(chunk, requests) : chunk;
    while (rest.length >= HEAD) {
      const end = this.#endOf(rest);
      if (rest.length < end) break;
      requests.push(rest.subarray(HEAD, end));
      rest = rest.subarray(end);
    }
    if (this.#problem === null || this.#isTooLong) this.#hold(rest);
    return requests;
  }

  /** Adds to the request that is held. Returns the bytes that do not belong to it. */
  #complete(chunk: Uint8Array, requests: Uint8Array[]): Uint8Array {
    const head = chunk.subarray(0, Math.max(HEAD - this.#length, 0));
    this.#hold(head);
    if (this.#length < HEAD) return EMPTY;
    const end = this.#endOf(this.#held);
    const rest = chunk.subarray(head.length);
    if (this.#problem !== null) return rest;
    const own = rest.subarray(0, end - this.#length);
    this.#hold(own, end);
    if (this.#length < end) return EMPTY;
    requests.push(this.#held.subarray(HEAD, end));
    this.#forget();
    return rest.subarray(own.length);
  }

  /** @param end of the request, if it is known */
  #hold(bytes: Uint8Array, end = Infinity): void {
    const length = this.#length + bytes.length;
    if (length > this.#held.length) {
      const held = new Uint8Array(Math.min(Math.max(length, HEAD, 2 * this.#held.length), end));
      held.set(this.#held.subarray(0, this.#length));
      this.#held = held;
    }
    this.#held.set(bytes, this.#length);
    this.#length = length;
  }

  /** Returns where a request ends that begins with the bytes: nowhere, if there is a problem. */
  #endOf(bytes: Uint8Array): number {
    const size = (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
    if (size >= 0 && size <= this.#bytesMax) return HEAD + size;
    this.#problem = `a request of ${size} bytes; ${this.#bytesMax} are the most`;
    this.#isTooLong = size >= 0;
    if (!this.#isTooLong) this.#forget();
    return Infinity;
  }

  #forget(): void {
    this.#held = EMPTY;
    this.#length = 0;
  }
}
