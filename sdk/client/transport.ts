/**
 * Transport: sends one HTTP request with its address, headers and time limit, and turns its failure into a
 * `PosthornError`.
 */

import type { ErrorCode } from '../../protocol/errors.ts';
import { JSON_TYPE, TOPOLOGY_VERSION_HEADER } from '../../protocol/media-types.ts';
import { abortedBy, asPosthornError, messageOf, PosthornError } from '../errors.ts';
import type { ClientConfig } from './options.ts';
import { errorOfReply } from './reply-error.ts';
import { withRetries } from './retry.ts';
import { opened, type Socket } from './socket.ts';
import { withUserAgent } from './user-agent.ts';

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

export interface HttpReply {
  headers: Headers;
  bytes: Uint8Array;
}

export class Transport {
  readonly config: ClientConfig;
  /** The newest version that a reply carried. Requests send it back, so that the client reads its own writes. */
  #topologyVersion = 0;

  constructor(config: ClientConfig) {
    this.config = config;
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

  /** Opens a WebSocket. Makes one attempt. */
  async openSocket(path: string, query: HttpCall['query']): Promise<Socket> {
    const { baseUrl, webSocket, timeoutMs } = this.config;
    const url = `${baseUrl.replace(/^http/, 'ws')}${path}${queryOf(query)}`;
    try {
      return await opened(await webSocket(url, await this.config.headers()), timeoutMs);
    } catch (error) {
      throw asPosthornError(error);
    }
  }

  async #exchange(call: HttpCall, signal: AbortSignal): Promise<HttpReply> {
    let response = await this.#send(call, signal);
    // Nothing was done yet: the broker checks the token before anything else.
    if (response.status === 401 && this.config.canRenewToken) {
      await response.body?.cancel();
      response = await this.#send(call, signal);
    }
    const version = Number(response.headers.get(TOPOLOGY_VERSION_HEADER));
    if (version > this.#topologyVersion) this.#topologyVersion = version;
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (!response.ok) throw errorOfReply(describe(call), response, bytes);
    return { headers: response.headers, bytes };
  }

  async #send(call: HttpCall, signal: AbortSignal): Promise<Response> {
    const { fetch, baseUrl } = this.config;
    const headers: Record<string, string> = {
      ...withUserAgent(await this.config.headers()),
      ...call.headers,
    };
    if (this.#topologyVersion > 0) headers[TOPOLOGY_VERSION_HEADER] = String(this.#topologyVersion);
    const init: RequestInit = { method: call.method, headers, signal };
    if (call.body !== undefined) init.body = call.body as Uint8Array<ArrayBuffer>;
    return await fetch(`${baseUrl}${call.path}${queryOf(call.query)}`, init);
  }
}

/** @param fields with names as on the wire */
export function jsonBody(fields: object): Pick<HttpCall, 'headers' | 'body'> {
  return { headers: { 'content-type': JSON_TYPE }, body: JSON.stringify(fields) };
}

export function jsonOf<Reply>({ bytes }: HttpReply): Reply {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text) as Reply;
  } catch (cause) {
    throw new PosthornError('unexpected_reply', `the reply is not JSON: ${text.slice(0, 200)}`, { cause });
  }
}

function queryOf(query: HttpCall['query'] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  // Values are numbers, names and "@<ms>"; commas stay as they are, for people who read logs.
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`;
}

function timedOut(call: HttpCall, timeoutMs: number): PosthornError {
  return new PosthornError('timeout', `${describe(call)}: no reply within ${timeoutMs} ms`, {
    retryable: true,
  });
}

const describe = ({ method, path }: HttpCall): string => `${method} ${path}`;
