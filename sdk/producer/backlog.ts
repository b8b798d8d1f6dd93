/** The bytes that a producer holds, and who waits for them to become fewer. */

export class Backlog {
  readonly #bytesMax: number;
  #bytes = 0;
  #room: PromiseWithResolvers<void> | null = null;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#room === null || this.#bytes >= this.#bytesMax) return;
    this.#room.resolve();
    this.#room = null;
  }

  /** Resolves at once where there is room. */
  ready(): Promise<void> {
    if (this.#bytes < this.#bytesMax) return READY;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }
}

const READY = Promise.resolve();
