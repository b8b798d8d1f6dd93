/**
 * Exchange of Node: over `node:http`, which takes half the time of `fetch` for a small request. `fetch` passes bodies through web
 * streams and each signal through listeners of its own.
 */

import { concatenate } from '../../../protocol/bytes.ts';
import type { ExchangeInit, Reply } from './exchange.ts';
import { builtin, isFetchArranged, isNode } from '../node-platform.ts';

/** The broker closes a connection that was idle for 5 s. A request must not meet that. In ms. */
const IDLE_MS_MAX = 4_000;

interface Incoming {
  statusCode: number;
  headers: Record<string, string | string[] | undefined>;
  complete: boolean;
  on(event: string, listener: (value: never) => void): void;
}

interface Outgoing {
  on(event: 'error', listener: (error: Error) => void): void;
  end(body?: Uint8Array | string): void;
  destroy(error: Error): void;
}

/** The part of `node:http` and `node:https` that is used. */
interface HttpModule {
  Agent: new (options: object) => unknown;
  request(options: object, respond: (incoming: Incoming) => void): Outgoing;
}

interface Origin {
  module: HttpModule;
  options: object;
}

const encoder = new TextEncoder();
const origins = new Map<string, Origin>();

/** Null on platforms other than Node. @returns null if this request is for `fetch` */
export const nodeExchange: ((url: string, init: ExchangeInit) => Promise<Reply | null>) | null = isNode
  ? exchange
  : null;

async function exchange(url: string, init: ExchangeInit): Promise<Reply | null> {
  if (isFetchArranged()) return null;
  const pathAt = url.indexOf('/', 'https://'.length);
  const reply = await send(originOf(url.slice(0, pathAt)), url.slice(pathAt), init);
  return reply.status >= 300 && reply.status < 400 && reply.headers.get('location') !== null ? null : reply;
}

function originOf(text: string): Origin {
  let origin = origins.get(text);
  if (origin === undefined) {
    const { protocol, hostname, port } = new URL(text);
    const module = builtin<HttpModule>(protocol === 'https:' ? 'node:https' : 'node:http');
    const agent = new module.Agent({ keepAlive: true, timeout: IDLE_MS_MAX });
    const options = { hostname: hostname.replace(/^\[|\]$/g, ''), port, agent };
    origins.set(text, (origin = { module, options }));
  }
  return origin;
}

function send({ module, options }: Origin, path: string, init: ExchangeInit): Promise<Reply> {
  const { method, signal } = init;
  const body = typeof init.body === 'string' ? encoder.encode(init.body) : init.body;
  const headers: Record<string, string | number> = { ...init.headers };
  if (body !== undefined) headers['content-length'] = body.length; // not every method gets it by itself
  return new Promise((resolve, reject) => {
    const outgoing = module.request({ ...options, method, path, headers }, (incoming) => {
      const chunks: Uint8Array[] = [];
      incoming.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        if (incoming.complete) resolve(replyOf(incoming, chunks));
        else reject(new Error('the reply broke off'));
      });
    });
    outgoing.on('error', reject);
    signal.addEventListener('abort', () => outgoing.destroy(signal.reason as Error), { once: true });
    outgoing.end(body);
  });
}

function replyOf({ statusCode: status, headers }: Incoming, chunks: readonly Uint8Array[]): Reply {
  const get = (name: string): string | null => {
    const value = headers[name.toLowerCase()];
    return value === undefined ? null : String(value);
  };
  // A buffer of their own: those of Node are parts of larger ones.
  return {
    status,
    headers: { get },
    bytes: chunks.length === 1 ? new Uint8Array(chunks[0]!) : concatenate(chunks),
  };
}
