/**
 * Socket duplex: what carries the bytes of an AMQP session over a WebSocket of the router. Such a socket says neither how much waits to
 * be sent nor can it be left unread, so both are bounded by what the other side says and by memory.
 */

import type { AmqpSession, Duplex } from '../../gateway/amqp/connection/amqp-session.ts';

/** What is sent until the client says anything: an acknowledgement, a heartbeat. */
const UNHEARD_BYTES_MAX = 16 * 1024 * 1024;

/** How long a client may say nothing then, in ms. */
const UNHEARD_MS = 60_000;

/** What is held of a client that publishes faster than the broker stores. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;

/** Close codes of WebSockets. */
const DONE = 1000;
const NOT_BINARY = 1003;
const TOO_MUCH = 1009;
const FAILED = 1011;

export class SocketDuplex implements Duplex {
  /** A broker that lets anybody in without a token does so on loopback. */
  readonly isFromHere = true;
  readonly name = 'WebSocket';
  isPaused = false;
  /** What was sent since the client said something. */
  unreadBytes = 0;
  readonly #socket: WebSocket;
  readonly #ended: () => void;
  #session: AmqpSession | null = null;
  #silence: ReturnType<typeof setTimeout> | undefined;
  /** What came while it was paused. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  /** @param ended called when the session has been told of the end */
  constructor(socket: WebSocket, ended: () => void) {
    this.#socket = socket;
    this.#ended = ended;
  }

  begin(session: AmqpSession): void {
    this.#session = session;
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.accept();
    this.#socket.addEventListener('message', ({ data }) => this.#hear(data as ArrayBuffer | string));
    this.#socket.addEventListener('close', () => this.#close(DONE, 'closed'));
    this.#socket.addEventListener('error', () => this.#close(FAILED, 'the other side has gone'));
  }

  get isWritable(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get isFull(): boolean {
    return this.unreadBytes > UNHEARD_BYTES_MAX;
  }

  write(bytes: Uint8Array): void {
    this.#socket.send(bytes);
    this.unreadBytes += bytes.length;
    if (this.isFull) this.#silence ??= setTimeout(() => this.destroy(), UNHEARD_MS);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const bytes of held) this.#take(bytes);
  }

  end(): void {
    this.#close(DONE, 'closed');
  }

  destroy(): void {
    this.#close(FAILED, 'the connection was given up');
  }

  #hear(data: ArrayBuffer | string): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
    this.unreadBytes = 0;
    this.#session!.drained();
    if (typeof data === 'string') return this.#close(NOT_BINARY, 'AMQP is binary');
    this.#take(new Uint8Array(data));
  }

  #take(bytes: Uint8Array): void {
    if (!this.isPaused) return this.#session!.receive(bytes);
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > HELD_BYTES_MAX) this.#close(TOO_MUCH, 'more than the broker stores so fast');
  }

  /** The other side may be gone, so nothing waits for its word. */
  #close(code: number, reason: string): void {
    clearTimeout(this.#silence);
    this.#held = [];
    this.#heldBytes = 0;
    if (this.#socket.readyState !== WebSocket.CLOSED) this.#socket.close(code, reason);
    this.#session!.ended();
    this.#ended();
  }
}
