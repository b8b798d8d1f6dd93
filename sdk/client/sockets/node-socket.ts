/**
 * WebSocket of Node: over an upgraded connection of `node:http`. Unlike Node's own it does not keep the process alive while
 * nothing is awaited, and a small message takes a fraction of the time.
 */

import { concatenate } from '../../../protocol/bytes.ts';
import { builtin, isFetchArranged, isNode } from '../node-platform.ts';
import { SocketRefused, type Socket, type SocketFactory } from './socket.ts';
import { encodeFrame, FrameReader, OPCODES, type Frame } from './websocket-frames.ts';

/** What the broker says on a socket is far shorter. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** RFC 6455, 1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** How long a peer that has vanished may go unnoticed by the system, in ms. */
const KEEP_ALIVE_MS = 15_000;

interface Connection {
  on(event: string, listener: (value: never) => void): void;
  write(bytes: Uint8Array): void;
  end(): void;
  destroy(): void;
  unref(): void;
  setNoDelay(isOn: boolean): void;
  setKeepAlive(isOn: boolean, afterMs: number): void;
  setTimeout(ms: number): void;
}

interface Refusal {
  statusCode: number;
  headers: Record<string, string | undefined>;
  resume(): void;
}

interface HttpModule {
  request(options: object): {
    on(event: string, listener: (...values: never[]) => void): void;
    end(): void;
  };
}

interface CryptoModule {
  createHash(name: string): { update(text: string): { digest(encoding: string): string } };
}

type Listener = Parameters<Socket['addEventListener']>[1];

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Null on platforms other than Node. */
export const nodeSocket: SocketFactory | null = isNode ? open : null;

/** Resolves when the socket is open. */
function open(address: string, headers: Record<string, string>): Promise<Socket> {
  // What an application puts before `fetch` would not see the socket.
  if (isFetchArranged())
    return Promise.reject(new SocketRefused('requests go by what the application has arranged'));
  const { protocol, hostname, port, pathname, search } = new URL(address);
  const module = builtin<HttpModule>(protocol === 'wss:' ? 'node:https' : 'node:http');
  const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
  return new Promise((resolve, reject) => {
    const outgoing = module.request({
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: `${pathname}${search}`,
      agent: false,
      headers: {
        ...headers,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': key,
        'sec-websocket-version': '13',
      },
    });
    outgoing.on('error', reject);
    outgoing.on('socket', (connection: Connection) => connection.unref());
    outgoing.on('response', (refusal: Refusal) => {
      refusal.resume();
      reject(new SocketRefused(`no socket was opened: status ${refusal.statusCode}`));
    });
    outgoing.on('upgrade', (reply: Refusal, connection: Connection, head: Uint8Array) => {
      if (reply.headers['sec-websocket-accept'] === acceptOf(key))
        return resolve(new NodeSocket(connection, head));
      connection.destroy();
      reject(new SocketRefused('no WebSocket was opened'));
    });
    outgoing.end();
  });
}

function acceptOf(key: string): string {
  return builtin<CryptoModule>('node:crypto')
    .createHash('sha1')
    .update(`${key}${ACCEPT_SUFFIX}`)
    .digest('base64');
}

class NodeSocket implements Socket {
  binaryType = 'arraybuffer';
  readyState = OPEN;
  readonly #connection: Connection;
  readonly #reader = new FrameReader(MESSAGE_BYTES_MAX);
  readonly #listeners = new Map<string, Listener[]>();
  /** What came with the opening. */
  readonly #head: Uint8Array;
  /** The parts of a message that is not whole. */
  #parts: Frame[] = [];

  constructor(connection: Connection, head: Uint8Array) {
    this.#connection = connection;
    connection.setNoDelay(true);
    connection.setKeepAlive(true, KEEP_ALIVE_MS);
    connection.setTimeout(0);
    connection.unref();
    connection.on('error', () => {}); // 'close' follows
    connection.on('end', () => connection.end());
    connection.on('close', () => this.#closed());
    this.#head = new Uint8Array(head); // pieces of a `Buffer` would share its memory, also when they are copied
  }

  /** What comes is read from the first listener for messages on. */
  addEventListener(type: string, listener: Listener): void {
    const known = this.#listeners.get(type) ?? [];
    this.#listeners.set(type, [...known, listener]);
    if (type !== 'message' || known.length > 0) return;
    this.#read(this.#head);
    this.#connection.on('data', (chunk: Uint8Array) => this.#read(chunk));
  }

  send(data: string | Uint8Array): void {
    if (this.readyState !== OPEN) return;
    if (typeof data === 'string') this.#connection.write(encodeFrame(OPCODES.text, encoder.encode(data)));
    else this.#connection.write(encodeFrame(OPCODES.binary, data));
  }

  close(code = 1000, reason = ''): void {
    if (this.readyState !== OPEN) return;
    const payload = concatenate([Uint8Array.of(code >> 8, code & 0xff), encoder.encode(reason)]);
    this.#end(payload);
  }

  #end(payload: Uint8Array): void {
    this.readyState = CLOSING;
    this.#connection.write(encodeFrame(OPCODES.close, payload));
    this.#connection.end();
  }

  #read(chunk: Uint8Array): void {
    if (this.readyState === CLOSED) return;
    try {
      for (const frame of this.#reader.read(chunk)) this.#take(frame);
    } catch {
      this.#connection.destroy(); // what it sends is not a WebSocket's
    }
  }

  #take(frame: Frame): void {
    const { opcode, isFinal, payload } = frame;
    if (opcode === OPCODES.ping) return this.#pong(payload);
    if (opcode === OPCODES.pong) return;
    if (opcode === OPCODES.close) {
      if (this.readyState === OPEN) this.#end(payload.slice(0, 2));
      return;
    }
    if ((opcode === OPCODES.continuation) !== this.#parts.length > 0)
      throw new Error('a message has no beginning');
    if (isFinal && this.#parts.length === 0) return this.#message(opcode, payload);
    this.#parts.push(frame);
    if (this.#parts.reduce((sum, part) => sum + part.payload.length, 0) > MESSAGE_BYTES_MAX)
      throw new Error('the message is too long');
    if (!isFinal) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#message(parts[0]!.opcode, concatenate(parts.map((part) => part.payload)));
  }

  #message(opcode: number, bytes: Uint8Array): void {
    this.#tell('message', { data: opcode === OPCODES.text ? decoder.decode(bytes) : bytes.slice().buffer });
  }

  #pong(payload: Uint8Array): void {
    if (this.readyState === OPEN) this.#connection.write(encodeFrame(OPCODES.pong, payload));
  }

  #closed(): void {
    this.readyState = CLOSED;
    this.#tell('close', {});
  }

  #tell(type: string, event: { data?: unknown }): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}
