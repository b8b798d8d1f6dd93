/**
 * Whole socket: a socket whose messages and end are heard from its opening on, whenever somebody begins to listen. Platforms
 * may tell the first message before the code that awaits the opening runs.
 */

import type { Socket } from './socket.ts';

type Listener = Parameters<Socket['addEventListener']>[1];
type SocketEvent = Parameters<Listener>[0];

const TYPES = ['message', 'close', 'error'];

export class WholeSocket implements Socket {
  readonly #socket: Socket;
  /** By type, until the first listener has taken them; undefined afterwards. */
  readonly #unheard = new Map<string, SocketEvent[]>();

  constructor(socket: Socket) {
    this.#socket = socket;
    for (const type of TYPES) {
      this.#unheard.set(type, []);
      socket.addEventListener(type, (event) => this.#unheard.get(type)?.push(event));
    }
  }

  get binaryType(): string {
    return this.#socket.binaryType;
  }

  set binaryType(type: string) {
    this.#socket.binaryType = type;
  }

  get readyState(): number {
    return this.#socket.readyState;
  }

  send(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  addEventListener(type: string, listener: Listener): void {
    const unheard = this.#unheard.get(type) ?? [];
    this.#unheard.delete(type);
    this.#socket.addEventListener(type, listener);
    for (const event of unheard) listener(event);
  }
}
