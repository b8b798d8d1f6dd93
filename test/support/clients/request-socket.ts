/** A socket for requests, by hand: frames as bytes, and the texts that come, in order. */

import { encodeRequestFrame } from '../../../protocol/frames/request-frame.ts';

export type Said = { id?: number; code?: string; status?: number } & Record<string, unknown>;

export class TestRequestSocket {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #said: Said[] = [];
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener('message', ({ data }) => {
      this.#said.push(data === 'pong' ? { pong: true } : (JSON.parse(String(data)) as Said));
      this.#wake();
    });
    this.closed = new Promise((resolve) =>
      socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason })),
    );
  }

  /** @param address with `http:`, up to `/stream` and perhaps a query. Null: the broker refuses it. */
  static async open(address: string): Promise<TestRequestSocket | null> {
    const socket = new WebSocket(address.replace('http', 'ws'));
    const isOpen = await new Promise((resolve) => {
      socket.addEventListener('open', () => resolve(true));
      socket.addEventListener('error', () => resolve(false));
    });
    return isOpen ? new TestRequestSocket(socket) : null;
  }

  request(id: number, batches: Uint8Array, query = ''): void {
    this.socket.send(
      encodeRequestFrame({ id, topologyVersion: 0, query, batches }) as Uint8Array<ArrayBuffer>,
    );
  }

  async next(): Promise<Said> {
    while (this.#said.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#said.shift()!;
  }

  async ask(id: number, batches: Uint8Array, query = ''): Promise<Said> {
    this.request(id, batches, query);
    return await this.next();
  }
}
