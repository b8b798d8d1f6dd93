/**
 * WebSocket pairs. One end is the object's, whose messages wait for what it has written; the other the router's or the
 * client's. Messages of one direction keep their order and come once, until the connection breaks.
 */

import type { Scheduler } from './scheduler.ts';

/** What an object does about its end. */
export interface SocketOwner {
  /** Runs the action when what was written so far is durable. */
  whenDurable(action: () => void): void;
  received(socket: SimSocket, message: string | ArrayBuffer): void;
  closed(socket: SimSocket, code: number, reason: string): void;
  /** The object itself closes it. */
  closing(socket: SimSocket): void;
  /** What a socket carries has changed. */
  changed(): void;
}

interface SocketEvent {
  type: string;
  data?: unknown;
  code?: number;
  reason?: string;
}

type Listener = (event: SocketEvent) => void;

export const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** A socket message takes this long at most if nothing delays it, in ms. */
const LATENCY_MS = 3;

export class SimSocket {
  readyState = OPEN;
  binaryType = 'arraybuffer';
  peer!: SimSocket;
  owner: SocketOwner | null = null;
  tags: readonly string[] = [];
  attachment: unknown = null;
  readonly #scheduler: Scheduler;
  readonly #listeners = new Map<string, Listener[]>();
  /** Came before `accept`. */
  #early: (() => void)[] | null = [];
  #lastArrivalMs = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get isAccepted(): boolean {
    return this.#early === null;
  }

  accept(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const action of early) action();
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  serializeAttachment(value: unknown): void {
    this.attachment = structuredClone(value);
    this.owner?.changed();
  }

  deserializeAttachment(): unknown {
    return structuredClone(this.attachment);
  }

  /** When the platform last answered by itself: without its object, and without waiting for what that has written. */
  autoAnswered: Date | null = null;

  answerPing(response: string): void {
    this.autoAnswered = new Date(this.#scheduler.nowMs);
    const { owner } = this;
    this.owner = null;
    if (this.readyState === OPEN) this.send(response);
    this.owner = owner;
  }

  send(message: string | ArrayBuffer | Uint8Array): void {
    if (this.readyState !== OPEN) throw new Error('the socket is closed');
    const data =
      typeof message === 'string'
        ? message
        : (new Uint8Array(message as ArrayBuffer).slice().buffer as ArrayBuffer);
    this.#toPeer('socket message', () => this.peer.#arrived(data));
  }

  close(code = 1000, reason = ''): void {
    if (this.readyState >= CLOSING) return;
    this.readyState = CLOSING;
    this.owner?.closing(this);
    this.#toPeer('socket close', () => {
      this.readyState = CLOSED;
      this.peer.#ended(code, reason);
    });
  }

  /** Its machine is gone without a word: nothing arrives here any more, and the other end is told nothing. */
  vanish(): void {
    this.readyState = CLOSED;
  }

  /** The connection is gone, for both ends at once or nearly so. */
  break(): void {
    for (const end of [this, this.peer]) {
      this.#scheduler.after(this.#scheduler.random() * LATENCY_MS, 'socket break', () =>
        end.#ended(1006, 'lost'),
      );
    }
  }

  #toPeer(label: string, arrive: () => void): void {
    const go = (): void => {
      const { nowMs, random } = this.#scheduler;
      this.#lastArrivalMs = Math.max(this.#lastArrivalMs, nowMs + random() * LATENCY_MS);
      this.#scheduler.after(this.#lastArrivalMs - nowMs, label, arrive);
    };
    if (this.owner) this.owner.whenDurable(go);
    else go();
  }

  #arrived(data: string | ArrayBuffer): void {
    if (this.readyState === CLOSED) return;
    if (this.owner) this.owner.received(this, data);
    else this.#dispatch({ type: 'message', data });
  }

  #ended(code: number, reason: string): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    if (this.owner) this.owner.closed(this, code, reason);
    else this.#dispatch({ type: 'close', code, reason });
  }

  #dispatch(event: SocketEvent): void {
    const tell = (): void => this.#listeners.get(event.type)?.forEach((listener) => listener(event));
    if (this.#early) this.#early.push(tell);
    else tell();
  }
}

/** The class that the code of the product makes pairs with. */
export function socketPairClass(scheduler: () => Scheduler): new () => { 0: SimSocket; 1: SimSocket } {
  return class {
    readonly 0: SimSocket;
    readonly 1: SimSocket;
    constructor() {
      this[0] = new SimSocket(scheduler());
      this[1] = new SimSocket(scheduler());
      this[0].peer = this[1];
      this[1].peer = this[0];
    }
  };
}
