/**
 * Transport: sends one HTTP request with its address, headers and time limit, and turns its failure into a
 * `PosthornError`.
 */

import type { ErrorCode } from '../../protocol/errors.ts';
import { JSON_TYPE, TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { abortedBy, messageOf, PosthornError } from '../errors.ts';
import type { Reply } from './http/exchange.ts';
import type { Channel, ChannelCall, ChannelHost, Channels } from './channel.ts';
import type { ClientConfig, Connection } from './options.ts';
import { errorOfReply } from './http/reply-error.ts';
import { withRetries } from './http/retry.ts';
import { withUserAgent } from './http/user-agent.ts';

export interface HttpCall {
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the namespace, with a slash at the start; parts are escaped by the caller. */
  path: string;
  /** Undefined values are left out. */
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export type HttpReply = Reply;

const decoder = new TextDecoder();

export class Transport {
  readonly config: ClientConfig;
  /** The newest version that a reply carried. Requests send it back, so that the client reads its own writes. */
  #topologyVersion = 0;
  readonly #channels: Channels;

  constructor(config: ClientConfig, channels: Channels = oneByOne) {
    this.config = config;
    this.#channels = channels;
  }

  get topologyVersion(): number {
    return this.#topologyVersion;
  }

  /** Makes a repeatable call, with the client's retry policy. Returns the reply as JSON. */
  async json<Reply>(
    call: HttpCall,
    rescue?: (error: PosthornError, attempt: number) => Reply,
  ): Promise<Reply> {
    return await this.read(call, (reply) => jsonOf<Reply>(reply), rescue);
  }

  /** As `json`, for a reply that is read in another way. */
  async read<Reply>(
    call: HttpCall,
    readReply: (reply: HttpReply) => Reply,
    rescue?: (error: PosthornError, attempt: number) => Reply,
  ): Promise<Reply> {
    const { retry } = this.config;
    return await withRetries(retry, { attempts: retry.attempts, signal: call.signal }, async (attempt) => {
      try {
        return readReply(await this.call(call));
      } catch (error) {
        if (rescue && error instanceof PosthornError) return rescue(error, attempt);
        throw error;
      }
    });
  }

  /** @param gone the code of the broker for something that does not exist */
  async delete(call: Omit<HttpCall, 'method'>, gone: ErrorCode): Promise<void> {
    await this.json<unknown>({ method: 'DELETE', ...call }, (error, attempt) => {
      // The reply to an earlier attempt was lost, and that attempt deleted it.
      if (attempt > 1 && error.code === gone) return null;
      throw error;
    });
  }

  /** Makes one attempt. Rejects as soon as the signal fires or the time is over, even if `fetch` does not. */
  async call(call: HttpCall): Promise<HttpReply> {
    const { signal, timeoutMs = this.config.timeoutMs } = call;
    if (signal?.aborted) throw abortedBy(signal);
    const controller = new AbortController();
    const { promise: cut, reject } = Promise.withResolvers<never>();
    const end = (error: PosthornError): void => {
      reject(error);
      controller.abort(error);
    };
    const onAbort = (): void => end(abortedBy(signal!));
    const timer = setTimeout(() => end(timedOut(call, timeoutMs)), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#exchange(call, controller.signal), cut]);
    } catch (error) {
      if (error instanceof PosthornError) throw error;
      throw new PosthornError('connection_failed', `${describe(call)}: ${messageOf(error)}`, {
        retryable: true,
        cause: error,
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The channel for POST requests of a path. */
  channel(path: string, connection: Connection | undefined): Channel {
    return this.#channels(this, path, connection);
  }

  async #exchange(call: HttpCall, signal: AbortSignal): Promise<HttpReply> {
    let reply = await this.#send(call, signal);
    // Nothing was done yet: the broker checks the token before anything else.
    if (reply.status === 401 && this.config.canRenewToken) reply = await this.#send(call, signal);
    const version = Number(reply.headers.get(TOPOLOGY_VERSION_HEADER));
    if (version > this.#topologyVersion) this.#topologyVersion = version;
    if (reply.status < 200 || reply.status > 299) throw errorOfReply(describe(call), reply);
    return reply;
  }

  async #send(call: HttpCall, signal: AbortSignal): Promise<Reply> {
    const { exchange, baseUrl } = this.config;
    const headers: Record<string, string> = {
      ...withUserAgent(await this.config.headers()),
      ...call.headers,
    };
    if (this.#topologyVersion > 0) headers[TOPOLOGY_VERSION_HEADER] = String(this.#topologyVersion);
    const { method, body } = call;
    return await exchange(`${baseUrl}${call.path}${queryOf(call.query)}`, { method, headers, body, signal });
  }
}

/** A channel whose requests go one by one, and that holds nothing. */
export function oneByOne(host: ChannelHost, path: string): Channel {
  return {
    json: async <Json>(call: ChannelCall) => jsonOf<Json>(await host.call({ method: 'POST', path, ...call })),
    close: () => {},
  };
}

/** @param fields with names as on the wire */
export function jsonBody(fields: object): Pick<HttpCall, 'headers' | 'body'> {
  return { headers: { 'content-type': JSON_TYPE }, body: JSON.stringify(fields) };
}

export function jsonOf<Reply>({ bytes }: Pick<HttpReply, 'bytes'>): Reply {
  const text = decoder.decode(bytes);
  try {
    return JSON.parse(text) as Reply;
  } catch (cause) {
    throw new PosthornError('unexpected_reply', `the reply is not JSON: ${text.slice(0, 200)}`, { cause });
  }
}

export function queryOf(query: HttpCall['query'] = {}): string {
  let text = '';
  for (const [name, value] of Object.entries(query)) {
    // Values are numbers, names and "@<ms>"; commas stay as they are, for people who read logs.
    if (value !== undefined) text += `${text === '' ? '?' : '&'}${name}=${value}`;
  }
  return text;
}

function timedOut(call: HttpCall, timeoutMs: number): PosthornError {
  return new PosthornError('timeout', `${describe(call)}: no reply within ${timeoutMs} ms`, {
    retryable: true,
  });
}

const describe = ({ method, path }: HttpCall): string => `${method} ${path}`;
