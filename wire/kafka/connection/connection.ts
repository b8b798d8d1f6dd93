/**
 * Connection machine: bytes of a client in, requests out, and their answers back in the order of the requests, whatever order they
 * come in. It has no clock and does no I/O.
 */

import { FrameReader } from './frame-reader.ts';
import { readRequest, writeAnswer, type Request } from './request.ts';

interface Slot {
  request: Request;
  /** What goes out; undefined while there is no answer. */
  output: readonly Uint8Array[] | undefined;
}

export class Connection {
  readonly #frames: FrameReader;
  readonly #slots: Slot[] = [];
  #waitingBytes = 0;
  #problem: string | null = null;

  /** @param requestBytesMax of one request */
  constructor(requestBytesMax: number) {
    this.#frames = new FrameReader(requestBytesMax);
  }

  /** From now on requests may have so many bytes. Returns those that are complete, if one was too long before. */
  allow(requestBytesMax: number): Request[] {
    return this.#problem === null ? this.#read(this.#frames.allow(requestBytesMax)) : [];
  }

  /** The problem is a request that is longer than may be. It is read if it is allowed. */
  get isTooLong(): boolean {
    return this.#problem === null && this.#frames.isTooLong;
  }

  /** The client has sent a part of a request. */
  get isWithinRequest(): boolean {
    return this.#frames.heldBytes > 0;
  }

  /** Why the connection is to be closed, once what is answered has been sent; null while it goes on. */
  get problem(): string | null {
    return this.#problem ?? this.#frames.problem;
  }

  /** Requests that wait for their answers, and their bytes with those of a request that is not complete. */
  get backlog(): { requests: number; bytes: number } {
    return { requests: this.#slots.length, bytes: this.#waitingBytes + this.#frames.heldBytes };
  }

  /** Returns the requests that are complete. Each is answered, in any order. */
  receive(chunk: Uint8Array): Request[] {
    return this.#problem === null ? this.#read(this.#frames.push(chunk)) : [];
  }

  #read(frames: readonly Uint8Array[]): Request[] {
    const requests: Request[] = [];
    for (const frame of frames) {
      const request = readRequest(frame);
      if (typeof request === 'string') {
        this.#problem = request;
        return requests;
      }
      this.#slots.push({ request, output: undefined });
      this.#waitingBytes += request.bytes;
      requests.push(request);
    }
    return requests;
  }

  /** @param body null: the client wants no answer */
  answer(request: Request, body: object | null): void {
    const slot = this.#slots.find((each) => each.request === request);
    if (slot === undefined || slot.output !== undefined) return;
    slot.output = body === null ? [] : writeAnswer(request, body);
  }

  /** Returns what can be sent: the answers up to the first request that has none. */
  takeOutput(): Uint8Array[] {
    const output: Uint8Array[] = [];
    while (this.#slots[0]?.output !== undefined) {
      const { request, output: chunks } = this.#slots.shift()!;
      this.#waitingBytes -= request.bytes;
      output.push(...chunks!);
    }
    return output;
  }

  /** No more requests are taken, and those that wait are not answered. */
  end(problem: string): void {
    this.#problem ??= this.#frames.problem ?? problem;
    this.#slots.length = 0;
    this.#waitingBytes = 0;
  }
}
