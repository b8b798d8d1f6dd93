/** The options of a client, and their defaults. */

import { invalidArgument } from '../errors.ts';
import { exchangeByFetch, type Exchange, type FetchFunction } from './http/exchange.ts';
import { platformExchange } from './http/platform-exchange.ts';
import type { Codecs } from './codecs.ts';
import { checkName } from './names.ts';
import { RETRY_DEFAULTS, type RetryPolicy } from './http/retry.ts';
import type { Tracing, TracingHook } from './tracing.ts';
import type { SocketFactory } from './sockets/socket.ts';

export interface PosthornOptions {
  /** Where the broker is, for example `http://127.0.0.1:8787`. */
  url: string | URL;
  /** Default `default`. */
  namespace?: string;
  /**
   * Default: the platform's, or on Node `node:http`, which is faster. In a Worker, hand over a service binding's, bound:
   * `fetch: (url, init) => env.POSTHORN.fetch(url, init)`.
   */
  fetch?: FetchFunction;
  /**
   * Opens WebSockets. Default: in a Worker `fetch`; elsewhere the platform's `WebSocket`, with the headers if it can
   * send them (browsers cannot).
   */
  webSocket?: SocketFactory;
  /**
   * The token of the broker, `ph_...`, sent with each request. A function is asked for each request, and once more when the
   * broker says that the token is not good (401).
   */
  token?: string | (() => string | Promise<string>);
  /** Sent with each request. A function is asked for each request. */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);
  /** The time limit of one request, in ms. A long poll adds its waiting time. Default 30,000. */
  timeoutMs?: number;
  /** How temporary failures are tried again. */
  retry?: Partial<RetryPolicy>;
  /** Reads records that Kafka's clients have compressed with snappy, lz4 or zstd: `codecs` of `posthorn/codecs`. Default: gzip alone. */
  codecs?: Codecs | undefined;
  /** Traces what is sent, received, handled and settled: `openTelemetry(api)`. Default: nothing is traced. */
  tracing?: TracingHook | undefined;
}

/** Options of every call. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** In ms. Default: the client's `timeoutMs`. */
  timeoutMs?: number | undefined;
}

export interface ClientConfig {
  /** The address up to and including the namespace, without a slash at the end. */
  baseUrl: string;
  /** The address of the broker, without a slash at the end. */
  rootUrl: string;
  namespace: string;
  /** For requests whose reply is read in whole. */
  exchange: Exchange;
  fetch: FetchFunction;
  /** Undefined: as the platform makes them. */
  webSocket: SocketFactory | undefined;
  /** Default of consumers. */
  consumerTransport: 'stream' | 'poll';
  headers: () => Promise<Record<string, string>>;
  /** Whether the headers may have another token when they are asked for again. */
  canRenewToken: boolean;
  timeoutMs: number;
  retry: RetryPolicy;
  codecs: Codecs;
  tracing: Tracing | undefined;
}

const TIMEOUT_MS_DEFAULT = 30_000;

export function clientConfig(options: PosthornOptions): ClientConfig {
  const { headers = {}, token, timeoutMs = TIMEOUT_MS_DEFAULT } = options;
  if (!(timeoutMs > 0)) throw invalidArgument(`timeoutMs is a positive number of ms, got ${timeoutMs}`);
  // Called as a plain function: fetch refuses to be a method of something else.
  const fetchFunction = options.fetch ?? ((url, init) => fetch(url, init));
  const isWorker = 'WebSocketPair' in globalThis;
  const rootUrl = baseOf(options.url);
  const namespace = checkName('namespace', options.namespace ?? 'default');
  return {
    baseUrl: `${rootUrl}/v1/${namespace}`,
    rootUrl,
    namespace,
    fetch: fetchFunction,
    exchange: options.fetch ? exchangeByFetch(options.fetch) : platformExchange,
    // With a `fetch` of its own a client may send requests elsewhere than their address says; a socket would not
    // follow.
    consumerTransport: options.webSocket || isWorker || !options.fetch ? 'stream' : 'poll',
    webSocket: options.webSocket,
    headers: async () => ({
      ...(typeof headers === 'function' ? await headers() : headers),
      ...(token !== undefined && {
        authorization: `Bearer ${typeof token === 'function' ? await token() : token}`,
      }),
    }),
    canRenewToken: typeof token === 'function',
    timeoutMs,
    retry: { ...RETRY_DEFAULTS, ...options.retry },
    codecs: options.codecs ?? {},
    tracing: options.tracing?.(new URL(rootUrl)),
  };
}

function baseOf(given: string | URL): string {
  try {
    const url = new URL(given);
    if (/^https?:$/.test(url.protocol)) return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  } catch {
    // Said below.
  }
  throw invalidArgument(`url: expected an address such as http://127.0.0.1:8787, got "${String(given)}"`);
}

/** The limits of a numeric option. */
export function checkRange(name: string, value: number, min: number, max: number): void {
  if (typeof value === 'number' && value >= min && value <= max) return;
  throw invalidArgument(`${name} is a number from ${min} to ${max}, got ${String(value)}`);
}

/** How publishers and producers reach the broker. */
export type Connection = 'socket' | 'requests';

export function checkConnection(connection: Connection | undefined): void {
  if (connection === undefined || connection === 'socket' || connection === 'requests') return;
  throw invalidArgument(`connection is "socket" or "requests", got ${String(connection)}`);
}

export type DeliveryLevel = 'at-most-once' | 'at-least-once' | 'exactly-once';

const LEVELS = 'at-most-once, at-least-once, exactly-once';

/**
 * Checks a delivery level against other options. The default is at-least-once.
 *
 * @throws PosthornError `invalid_argument` if there is no such level, or an option contradicts it
 */
export function levelFields<Fields extends object>(
  options: { delivery?: DeliveryLevel | undefined },
  levels: Readonly<Partial<Record<DeliveryLevel, Fields>>>,
): Fields | undefined {
  const { delivery = 'at-least-once' } = options;
  if (!LEVELS.split(', ').includes(delivery)) throw invalidArgument(`delivery is one of ${LEVELS}`);
  for (const [name, value] of Object.entries(levels[delivery] ?? {})) {
    if (((options as Record<string, unknown>)[name] ?? value) === value) continue;
    throw invalidArgument(`delivery "${delivery}" says what ${name} is`);
  }
  return levels[delivery];
}
