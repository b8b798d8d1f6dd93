/**
 * Request channel: how the requests of one path go, by a socket that stays open or one by one.
 *
 *   the socket is    a request
 *   --------------   -----------------------------------------------------------------------------------------
 *   none             goes alone. If the one before is not long ago, a socket is opened meanwhile
 *   open             is a frame of it
 *   old, or silent   goes alone. The socket is closed: nobody knows whether a proxy still holds it
 *   ended            goes again, alone, if it was under way
 *   refused          goes alone, as all do for a while
 *
 * So no request waits for a socket, and a client that sends seldom opens none.
 */

import type { PosthornError } from '../../errors.ts';
import { RequestSocket, SocketEnded, type SocketRequest } from './request-socket.ts';
import type { Channel, ChannelCall, ChannelHost, Channels } from '../channel.ts';
import { opened } from './opened.ts';
import { SocketRefused, type Socket, type SocketFactory } from './socket.ts';
import { jsonOf, oneByOne, queryOf } from '../transport.ts';
import { withUserAgent } from '../http/user-agent.ts';

/** Requests that are further apart need no socket. In ms: the broker keeps the connection of a request as long. */
const APART_MS = 5_000;

/** A socket that was silent for so long may be gone: proxies close what says nothing, some after a minute. In ms. */
const SILENT_MS = 30_000;

/** How long requests go alone after a socket was refused by a reply, as an older broker or a proxy does. In ms. */
const REFUSED_MS = 60_000;

/** The same after a socket was not opened, or has ended after few replies. It doubles each time. In ms. */
const FAILED_MS = 500;
const FEW_REPLIES = 10;

/** A larger body goes alone: masks and copies of a frame take longer than a request from 100 KB on. */
const FRAME_BYTES_MAX = 64 * 1024;

/** Sockets of a client at once: whoever publishes to hundreds of queues sends few messages to each. */
const SOCKETS_MAX = 32;

/** The sockets for requests of one client. */
export interface RequestSockets {
  open: SocketFactory;
  /** Whether requests go by sockets if nobody says how. */
  isDefault: boolean;
}

/** Returns what makes the channels of a client. */
export function channelsBy({ open, isDefault }: RequestSockets): Channels {
  const held = new Set<object>();
  return (host, path, connection = isDefault ? 'socket' : 'requests') =>
    connection === 'socket' ? new RequestChannel(host, path, open, held) : oneByOne(host, path);
}

class RequestChannel implements Channel {
  readonly #host: ChannelHost;
  readonly #path: string;
  readonly #factory: SocketFactory;
  /** One for each socket of the client that is open or being opened. */
  readonly #held: Set<object>;
  #current: { socket: RequestSocket; headers: string } | null = null;
  /** Requests follow each other, and there is no socket. */
  #isWanted = false;
  #isOpening = false;
  #isClosed = false;
  #calledMs = -Infinity;
  #aloneUntilMs = -Infinity;
  /** Sockets in a row that were not opened, or had few replies. */
  #failures = 0;

  constructor(host: ChannelHost, path: string, factory: SocketFactory, held: Set<object>) {
    this.#host = host;
    this.#path = path;
    this.#factory = factory;
    this.#held = held;
  }

  async json<Reply>(call: ChannelCall, repeats: () => void): Promise<Reply> {
    const socket = this.#isClosed ? null : await this.#usable(call.body.length);
    // Replies come in order: behind another request this one would wait for what need not concern it.
    if (socket?.isIdle) {
      try {
        return (await socket.request(this.#requestOf(call))) as Reply;
      } catch (error) {
        if (!this.#goesAlone(error as PosthornError)) throw error;
        if (error instanceof SocketEnded) repeats();
      }
    }
    const reply = await this.#host.call({ method: 'POST', path: this.#path, ...call });
    // Only now: a call that reaches an object while it accepts a socket keeps it in memory (workerd issue 6862).
    if (this.#isWanted) void this.#open();
    return jsonOf<Reply>(reply);
  }

  close(): void {
    this.#isClosed = true;
    const socket = this.#current?.socket;
    this.#current = null;
    socket?.close();
  }

  #requestOf({ query, body, signal }: ChannelCall): SocketRequest {
    const { config, topologyVersion } = this.#host;
    const { timeoutMs } = config;
    return { query: queryOf(query).slice(1), batches: body, topologyVersion, timeoutMs, signal };
  }

  /** Whether a request that failed on the socket is to be sent alone at once. */
  #goesAlone(error: PosthornError): boolean {
    if (error instanceof SocketEnded) return true;
    // The broker checks the token before anything else. With the request the client may renew it.
    if (error.status !== 401 || !this.#host.config.canRenewToken) return false;
    this.#retire();
    return true;
  }

  /** The socket, if the next request is to go by it. */
  async #usable(bytes: number): Promise<RequestSocket | null> {
    if (bytes > FRAME_BYTES_MAX) return null;
    const nowMs = performance.now();
    const isSoon = nowMs - this.#calledMs < APART_MS;
    this.#calledMs = nowMs;
    if (this.#current === null) {
      this.#isWanted = isSoon && nowMs > this.#aloneUntilMs;
      return null;
    }
    const { socket, headers } = this.#current;
    if (nowMs - socket.usedMs > SILENT_MS || !socket.isUsable) {
      this.#current = null;
      socket.retire();
      return null;
    }
    if (JSON.stringify(await this.#host.config.headers()) !== headers) {
      this.#retire();
      return null;
    }
    return socket.isUsable ? socket : null;
  }

  async #open(): Promise<void> {
    const held = this.#held;
    if (this.#isOpening || this.#current || held.size >= SOCKETS_MAX) return;
    this.#isOpening = true;
    const place = {};
    held.add(place);
    try {
      const { config } = this.#host;
      const headers = await config.headers();
      const url = `${config.baseUrl.replace(/^http/, 'ws')}${this.#path}/stream`;
      const opening = Promise.resolve(this.#factory(url, withUserAgent(headers)));
      const opened = await openedInTime(opening, config.timeoutMs);
      const socket = new RequestSocket(`POST ${this.#path}`, opened, () => {
        held.delete(place);
        if (this.#current?.socket === socket) this.#retire();
      });
      if (this.#isClosed || !socket.isUsable) socket.close();
      else this.#current = { socket, headers: JSON.stringify(headers) };
    } catch (error) {
      held.delete(place);
      this.#failed(error instanceof SocketRefused ? REFUSED_MS : 0);
    }
    this.#isOpening = false;
  }

  /** The socket takes no further request, though it was not its time. */
  #retire(): void {
    const socket = this.#current?.socket;
    this.#current = null;
    if (socket === undefined) return;
    if (socket.replies < FEW_REPLIES) this.#failed(0);
    else this.#failures = 0;
    socket.retire();
  }

  #failed(pauseMs: number): void {
    this.#isWanted = false;
    const doubledMs = Math.min(REFUSED_MS, FAILED_MS * 2 ** this.#failures++);
    this.#aloneUntilMs = performance.now() + Math.max(pauseMs, doubledMs);
  }
}

/**
 * The socket, open; rejects if it is not there after `timeoutMs`, and closes it should it come later. The wait keeps no
 * process alive.
 */
function openedInTime(opening: Promise<Socket>, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error('late'));
      opening.then((socket) => socket.close()).catch(() => {});
    }, timeoutMs);
    (timer as { unref?: () => void }).unref?.();
    opening
      .then((socket) => opened(socket, timeoutMs))
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
