/**
 * Requests and responses as the router and the objects use them. The platform's own would do, but read bodies through
 * streams, whose timing is not ours.
 */

import type { SimSocket } from './socket.ts';

type Body = Uint8Array | ArrayBuffer | string | SimPipe | null | undefined;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One end of a pipe, and the other: all bytes go through at once. */
class SimPipe {
  bytes: Uint8Array | null = null;
}

/** The platform's pipe from a body to a reply. */
export class SimIdentityTransformStream {
  readonly readable = new SimPipe();
  readonly writable = this.readable;
}

/** The bytes of a body, which can go into a pipe. */
class SimBody extends Uint8Array {
  pipeTo(pipe: SimPipe): Promise<void> {
    pipe.bytes = this;
    return Promise.resolve();
  }

  /** All of it comes at once. */
  getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(): Promise<void> } {
    let isRead = false;
    return {
      read: () => {
        const isDone = isRead;
        isRead = true;
        return Promise.resolve(isDone ? { done: true } : { done: false, value: this });
      },
      cancel: () => Promise.resolve(),
    };
  }
}

function bytesOf(body: Body): Uint8Array | null {
  if (body === null || body === undefined) return null;
  if (body instanceof SimPipe) return body.bytes;
  if (typeof body === 'string') return encoder.encode(body);
  return body instanceof Uint8Array ? body : new Uint8Array(body);
}

class Message {
  readonly headers: Headers;
  readonly #bytes: Uint8Array | null;

  constructor(body: Body, headers: HeadersInit | undefined) {
    this.#bytes = bytesOf(body);
    this.headers = new Headers(headers);
  }

  get body(): SimBody | null {
    const bytes = this.#bytes;
    return bytes && new SimBody(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (this.#bytes ?? new Uint8Array()).slice().buffer as ArrayBuffer;
  }

  async text(): Promise<string> {
    return decoder.decode(this.#bytes ?? new Uint8Array());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}

/** As much of an AbortSignal as is asked of it. */
export class SimSignal {
  aborted = false;
  /** The client has gone without a word (FIN, or none): that shows when something is sent to it. */
  isDeaf = false;
  readonly #listeners = new Set<() => void>();

  addEventListener(_: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of this.#listeners) listener();
  }
}

export interface SimRequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: Body;
  signal?: SimSignal;
}

export class SimRequest extends Message {
  readonly url: string;
  readonly method: string;
  readonly signal: SimSignal;

  constructor(
    url: string | URL,
    { method = 'GET', headers, body, signal = new SimSignal() }: SimRequestInit = {},
  ) {
    super(body, headers);
    this.url = String(url);
    this.method = method;
    this.signal = signal;
    if (this.body) this.headers.set('content-length', String(this.body.length));
  }
}

/**
 * The whole of a response whose body is a stream, as it reaches a client. What is sent to one that has gone without a word
 * brings back a reset: the runtime then cancels the stream.
 */
export async function wholeOf(response: SimResponse, signal: SimSignal): Promise<SimResponse> {
  const { stream } = response;
  if (stream === null) return response;
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    if (signal.isDeaf) await reader.cancel();
  }
  const { status, headers } = response;
  return new SimResponse(Buffer.concat(chunks), { status, headers });
}

export interface SimResponseInit {
  status?: number;
  headers?: HeadersInit;
  webSocket?: SimSocket | null;
}

export class SimResponse extends Message {
  readonly status: number;
  readonly webSocket: SimSocket | null;
  /** The body of one that is sent bit by bit. */
  readonly stream: ReadableStream<Uint8Array> | null;

  constructor(
    body: Body | ReadableStream<Uint8Array> = null,
    { status = 200, headers, webSocket = null }: SimResponseInit = {},
  ) {
    const isStream = body instanceof ReadableStream;
    super(isStream ? null : body, headers);
    this.stream = isStream ? body : null;
    this.status = status;
    this.webSocket = webSocket;
    if (typeof body === 'string' && !this.headers.has('content-type')) {
      this.headers.set('content-type', 'text/plain;charset=UTF-8');
    }
  }

  static json(value: unknown, init: SimResponseInit = {}): SimResponse {
    const headers = new Headers(init.headers);
    headers.set('content-type', 'application/json');
    return new SimResponse(JSON.stringify(value), { ...init, headers });
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }
}
