/**
 * Record connection: an HTTP connection to the broker for one read of records after another. The socket reads each reply into the
 * buffer that goes to the client, with no copy in between. It knows no more of HTTP than the broker's replies need: whoever gets
 * `null` from it asks in the usual way.
 */

import { connect, type Socket } from 'node:net';
import type { Reply } from '../../../sdk/client/http/exchange.ts';
import { takeReplyBuffer } from './reply-buffers.ts';

/** Node's own limit for the headers of a reply. */
const HEAD_BYTES_MAX = 16 * 1024;

/** What the head of a reply of the broker fits in. Each partition that a client waits at has a connection. */
const HEAD_BYTES = 4 * 1024;

const HEAD_END = '\r\n\r\n';

interface Head {
  status: number;
  headers: ReadonlyMap<string, string>;
}

export class RecordConnection {
  readonly #socket: Socket;
  #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #reply: Head | null = null;
  #body: Uint8Array | null = null;
  #bodyBytes = 0;
  /** The broker has answered in a form that is not read here. */
  isUnfit = false;
  #resolve: ((reply: Reply | null) => void) | null = null;

  constructor(host: string, port: number) {
    const onread = {
      buffer: () => this.#room() as Buffer,
      callback: (length: number) => this.#received(length),
    };
    this.#socket = connect({ host, port, onread });
    this.#socket.setNoDelay(true);
    this.#socket.on('error', () => {}); // `close` follows
    this.#socket.on('timeout', () => this.destroy());
    this.#socket.on('close', () => this.#end(null));
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /** @returns null if the connection broke, or the reply is of another form */
  async ask(request: string): Promise<Reply | null> {
    this.#socket.ref();
    this.#socket.setTimeout(0);
    return await new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket.write(request, 'latin1');
    });
  }

  /** Nobody asks for a while. */
  rest(ms: number): void {
    this.#socket.unref();
    this.#socket.setTimeout(ms);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Where the socket reads to. */
  #room(): Uint8Array {
    return this.#body?.subarray(this.#bodyBytes) ?? this.#head.subarray(this.#headBytes);
  }

  #received(length: number): boolean {
    if (this.#resolve === null) this.destroy();
    else if (this.#body === null) this.#headReceived(length);
    else this.#bodyBytes += length;
    if (this.#body !== null && this.#bodyBytes === this.#body.length) this.#whole(this.#reply!, this.#body);
    return true;
  }

  #headReceived(length: number): void {
    this.#headBytes += length;
    const bytes = this.#head.subarray(0, this.#headBytes);
    const endAt = bytes.indexOf(HEAD_END);
    if (endAt < 0) {
      if (this.#headBytes === HEAD_BYTES_MAX) this.#refuse();
      else if (this.#headBytes === this.#head.length)
        this.#head = Buffer.concat([this.#head], 2 * this.#head.length);
      return;
    }
    const head = readHead(bytes.toString('latin1', 0, endAt));
    const bodyLength = head && lengthOf(head);
    const begun = bytes.subarray(endAt + HEAD_END.length);
    if (bodyLength === null || begun.length > bodyLength) return this.#refuse();
    this.#reply = head;
    this.#body = takeReplyBuffer(bodyLength);
    this.#body.set(begun);
    this.#bodyBytes = begun.length;
  }

  #refuse(): void {
    this.isUnfit = true;
    this.destroy();
  }

  #whole({ status, headers }: Head, bytes: Uint8Array): void {
    this.#headBytes = 0;
    this.#reply = null;
    this.#body = null;
    if (headers.get('connection')?.toLowerCase() === 'close') this.#socket.end();
    this.#end({ status, headers: { get: (name) => headers.get(name.toLowerCase()) ?? null }, bytes });
  }

  #end(reply: Reply | null): void {
    const resolve = this.#resolve;
    this.#resolve = null;
    resolve?.(reply);
  }
}

function readHead(text: string): Head | null {
  const [first = '', ...lines] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.1 ([245]\d\d)( |$)/.exec(first)?.[1] ?? NaN);
  if (Number.isNaN(status)) return null;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf(':');
    const name = line.slice(0, at).toLowerCase();
    if (at < 1 || (headers.has(name) && name === 'content-length')) return null;
    headers.set(name, line.slice(at + 1).trim());
  }
  return { status, headers };
}

/** Null for a body whose length is not known before. */
function lengthOf({ status, headers }: Head): number | null {
  const text = headers.get('content-length') ?? '';
  const isOther = headers.has('transfer-encoding') || headers.has('content-encoding') || status === 204;
  return !isOther && /^\d{1,8}$/.test(text) ? Number(text) : null;
}
