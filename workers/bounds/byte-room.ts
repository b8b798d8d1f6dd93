/** Byte room: what one request holds of a byte budget. */

import type { ByteBudget } from './byte-budget.ts';

/** A request that holds room longer than any can was ended by the runtime before it could give the room back. */
const HELD_MS_MAX = 600_000;

/** The rooms that hold bytes. */
const holding = new Set<ByteRoom>();

export class ByteRoom {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #takenMs = 0;
  #isClosed = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Bytes that it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Holds this many bytes from now on. Returns false, and changes nothing, if there is no room for more. */
  resize(bytes: number): boolean {
    if (this.#isClosed || !this.#budget.resize(this.#bytes, bytes)) return false;
    this.#hold(bytes);
    return true;
  }

  /** Takes the bytes as soon as there is room, instead of what it holds. Returns false if there is none in time. */
  async take(bytes: number, waitMs: number): Promise<boolean> {
    this.release();
    if (this.#isClosed) return false;
    if (!(await this.#budget.take(bytes, waitMs))) {
      for (const room of holding) if (room.#isForgotten) room.release();
      return false;
    }
    this.#hold(bytes);
    if (this.#isClosed) this.release();
    return !this.#isClosed;
  }

  /** Gives back what it holds, for good: the client has gone, and nobody would give back what is taken from now on. */
  close(): void {
    this.#isClosed = true;
    this.release();
  }

  release(): void {
    if (this.#bytes > 0) this.#budget.release(this.#bytes);
    this.#bytes = 0;
    holding.delete(this);
  }

  get #isForgotten(): boolean {
    return Date.now() - this.#takenMs > HELD_MS_MAX;
  }

  #hold(bytes: number): void {
    this.#bytes = bytes;
    this.#takenMs = Date.now();
    if (bytes > 0) holding.add(this);
    else holding.delete(this);
  }
}

/** The rooms of requests: each request has one, however often it is asked for. */
export class ByteRooms {
  readonly #byRequest = new WeakMap<Request, ByteRoom>();

  /** The room of a request, which is made if there is none yet. */
  of(request: Request, budget: ByteBudget): ByteRoom {
    const known = this.#byRequest.get(request);
    if (known) return known;
    const room = new ByteRoom(budget);
    this.#byRequest.set(request, room);
    // The runtime ends a request whose client has reset the connection, and runs none of its `finally` blocks.
    request.signal.addEventListener('abort', () => room.close(), { once: true });
    return room;
  }

  get(request: Request): ByteRoom | undefined {
    return this.#byRequest.get(request);
  }

  /** Leaves the room to somebody else, who gives it back. */
  handOver(request: Request): ByteRoom | undefined {
    const room = this.#byRequest.get(request);
    this.#byRequest.delete(request);
    return room;
  }
}
