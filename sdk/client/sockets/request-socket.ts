/** Request socket: sends requests of one path as frames on a WebSocket (docs/frames.md), and hands out their replies by id. */

import { encodeRequestFrame } from '../../../protocol/frames/request-frame.ts';
import { REQUEST_SOCKET_FRAMES_MAX } from '../../../protocol/limits.ts';
import { abortedBy, PosthornError } from '../../errors.ts';
import { errorOfProblem, isProblem } from '../http/reply-error.ts';
import type { Socket } from './socket.ts';

export interface SocketRequest {
  /** Without a question mark. */
  query: string;
  batches: Uint8Array;
  topologyVersion: number;
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

/** The socket has ended, and nobody knows whether the request was carried out. */
export class SocketEnded extends PosthornError {
  constructor(why: string) {
    super('connection_failed', why, { retryable: true });
  }
}

interface Waiting {
  resolve(reply: object): void;
  reject(error: PosthornError): void;
}

const OPEN = 1;

export class RequestSocket {
  /** Replies that have come. */
  replies = 0;
  /** When something was last sent or came, or it was opened; in ms of `performance.now()`. */
  usedMs = performance.now();
  readonly #what: string;
  readonly #socket: Socket;
  readonly #ended: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isRetired = false;

  /**
   * @param what the requests, for messages of errors
   * @param ended called when the socket has ended, perhaps more than once
   */
  constructor(what: string, socket: Socket, ended: () => void) {
    this.#what = what;
    this.#socket = socket;
    this.#ended = ended;
    socket.addEventListener('message', ({ data }) => this.#hear(data));
    for (const event of ['close', 'error'])
      socket.addEventListener(event, () => this.#end(`${what}: the socket ended`));
  }

  /** Whether it takes another request. The broker bounds how many. */
  get isUsable(): boolean {
    return this.#socket.readyState === OPEN && this.#lastId < REQUEST_SOCKET_FRAMES_MAX;
  }

  /**
   * Sends a request. Resolves with the JSON of its reply.
   *
   * @throws PosthornError (the promise rejects) `SocketEnded`, `timeout`, `aborted`, and the problem of the broker
   */
  request({ query, batches, topologyVersion, timeoutMs, signal }: SocketRequest): Promise<object> {
    if (signal?.aborted) return Promise.reject(abortedBy(signal));
    const id = ++this.#lastId;
    const frame = encodeRequestFrame({ id, topologyVersion, query, batches });
    return new Promise((resolve, reject) => {
      // Of a socket that says nothing nobody knows whether it is still there.
      const timer = setTimeout(() => {
        const error = `${this.#what}: no reply within ${timeoutMs} ms`;
        this.#waiting.get(id)?.reject(new PosthornError('timeout', error, { retryable: true }));
        this.close();
      }, timeoutMs);
      const onAbort = (): void => this.#waiting.get(id)?.reject(abortedBy(signal!));
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#waiting.delete(id);
        if (this.#isRetired) this.retire();
      };
      this.#waiting.set(id, {
        resolve: (reply) => (done(), resolve(reply)),
        reject: (error) => (done(), reject(error)),
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      this.usedMs = performance.now();
      this.#socket.send(frame);
    });
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Closes it when all replies have come. */
  retire(): void {
    this.#isRetired = true;
    if (this.isIdle) this.close();
  }

  /** Requests without a reply reject with `SocketEnded`. */
  close(): void {
    this.#isRetired = false;
    this.#end(`${this.#what}: the socket ended`);
    this.#socket.close(1000, 'done');
  }

  #hear(data: unknown): void {
    this.usedMs = performance.now();
    const reply = parse(data);
    const waiting = this.#waiting.get(reply?.id as number);
    // What belongs to no request says that the two sides do not understand each other.
    if (reply === null || waiting === undefined) return this.close();
    this.replies++;
    const { id: _, ...json } = reply;
    if (isProblem(json)) waiting.reject(errorOfProblem(json));
    else waiting.resolve(json);
  }

  #end(why: string): void {
    for (const waiting of [...this.#waiting.values()]) waiting.reject(new SocketEnded(why));
    this.#ended();
  }
}

function parse(data: unknown): { id?: unknown } | null {
  try {
    const reply: unknown = JSON.parse(data as string);
    return typeof reply === 'object' ? reply : null;
  } catch {
    return null;
  }
}
