/**
 * Frame reader: cuts the bytes of a connection into requests. Each is an int32 length and so many bytes. A length is checked when it
 * is there, before the bytes that it announces.
 */

export class FrameReader {
  /** Of one request. */
  bytesMax: number;
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Why the connection cannot go on; null while it can. */
  problem: string | null = null;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Bytes that are held, of a request that is not complete. */
  get heldBytes(): number {
    return this.#length;
  }

  /** Returns the requests that are complete, without their lengths. */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.problem !== null) return [];
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const requests: Uint8Array[] = [];
    for (;;) {
      const size = this.#nextSize();
      if (size === null || this.#length < 4 + size) return requests;
      requests.push(this.#take(4 + size).subarray(4));
    }
  }

  /** The length of the next request; null if it is not there, or not allowed. */
  #nextSize(): number | null {
    if (this.#length < 4) return null;
    if (this.#chunks[0]!.length < 4) this.#join();
    const [head] = this.#chunks;
    const size = (head![0]! << 24) | (head![1]! << 16) | (head![2]! << 8) | head![3]!;
    if (size >= 0 && size <= this.bytesMax) return size;
    this.problem = `a request of ${size} bytes; ${this.bytesMax} are the most`;
    this.#chunks = [];
    this.#length = 0;
    return null;
  }

  #take(size: number): Uint8Array {
    if (this.#chunks[0]!.length < size) this.#join();
    const [head] = this.#chunks;
    if (head!.length === size) this.#chunks.shift();
    else this.#chunks[0] = head!.subarray(size);
    this.#length -= size;
    return head!.subarray(0, size);
  }

  #join(): void {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [joined];
  }
}
