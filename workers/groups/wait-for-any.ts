/** Wait for any: waits for the first signal on any of several sockets. */

/** `message`: a socket has a message or has ended. `time`: the time is over. `left`: the client has gone. */
export type Sign = 'message' | 'time' | 'left';

/** Sockets of partitions, each of which brings one message when there is a record. */
export class SocketSet {
  readonly #sockets: WebSocket[] = [];
  readonly #signal: AbortSignal;
  #hasMessage = false;
  #end: ((sign: Sign) => void) | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#end?.('left'));
  }

  add(socket: WebSocket): void {
    this.#sockets.push(socket);
    for (const event of ['message', 'close', 'error'] as const) {
      socket.addEventListener(event, () => {
        this.#hasMessage = true;
        this.#end?.('message');
      });
    }
    socket.accept();
  }

  /** Waits, again and again if need be, until `close`. */
  async wait(waitMs: number): Promise<Sign> {
    if (this.#signal.aborted) return 'left';
    if (this.#hasMessage) return 'message';
    const { promise, resolve } = Promise.withResolvers<Sign>();
    this.#end = resolve;
    const timer = setTimeout(() => resolve('time'), waitMs);
    const sign = await promise;
    clearTimeout(timer);
    this.#end = null;
    return sign;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close(1000, 'done');
  }
}
