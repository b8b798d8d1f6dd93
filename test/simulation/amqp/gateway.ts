/** A gateway: a process that speaks AMQP with clients and calls the routers over the network. It can end at any moment. */

import type { AmqpSession, Duplex } from '../../../gateway/amqp/connection/amqp-session.ts';
import { RECORD_BYTES_MAX } from '../../../protocol/limits.ts';
import { SimSignal, type SimRequestInit, type SimResponse } from '../platform/http.ts';
import { determined } from '../platform/determined.ts';
import type { Caller } from '../platform/network.ts';
import { OPEN, socketPairClass, type SimSocket } from '../platform/socket.ts';
import type { Timer } from '../platform/scheduler.ts';
import type { World } from '../platform/world.ts';
import type { GatewayModules } from './gateway-code.ts';

/** The time for a login, in ms. */
const LOGIN_MS = 10_000;

/** What a gateway asks of the network. */
interface FetchInit {
  method?: string;
  headers?: HeadersInit;
  body?: Uint8Array | string;
  signal?: AbortSignal;
}

export class Gateway implements Caller {
  readonly name = 'gateway';
  isAlive = true;
  readonly sockets = new Set<SimSocket>();
  /** Ends of its clients' connections. */
  readonly #connections = new Set<SimSocket>();
  readonly #world: World;
  readonly #modules: GatewayModules;
  readonly #settings: ConstructorParameters<typeof AmqpSession>[1];

  constructor(world: World) {
    this.#world = world;
    const { scheduler } = world;
    const timeout = (action: () => void, delayMs = 0): Timer =>
      scheduler.after(delayMs, 'timeout', () => {
        if (this.isAlive) action();
      });
    const cancel = (timer?: Timer): void => {
      if (timer) timer.isCancelled = true;
    };
    const say = (...words: unknown[]): void =>
      scheduler.onTrace?.(`            gateway says: ${words.join(' ')}`);
    this.#modules = world.gatewayCode!.start({
      ...determined(scheduler.random, () => Math.floor(scheduler.nowMs)),
      performance: { now: () => scheduler.nowMs },
      setTimeout: timeout,
      clearTimeout: cancel,
      setInterval: (action: () => void, everyMs: number) => new Interval(timeout, action, everyMs),
      clearInterval: cancel,
      console: { log: say, info: say, warn: say, error: say, debug: say },
      globalThis: { setImmediate: (action: () => void) => timeout(action, 0) },
    });
    const { BrokerClients, ExclusiveQueues, QueueConsumers, QueueEndings } = this.#modules;
    const fetch = (url: string | URL, init: RequestInit): Promise<Response> =>
      this.#fetch(url, init as FetchInit) as unknown as Promise<Response>;
    const broker = {
      url: 'https://posthorn.localhost',
      fetch,
      webSocket: (url: string, headers: Record<string, string>) => this.#openSocket(url, headers),
    };
    this.#settings = {
      broker,
      clients: new BrokerClients(broker),
      exclusive: new ExclusiveQueues(),
      consumers: new QueueConsumers(),
      endings: new QueueEndings(),
      loginMs: LOGIN_MS,
      bodyBytesMax: RECORD_BYTES_MAX,
      onError: (error) => scheduler.breakWith(error as Error),
    };
  }

  whenDurable(action: () => void): void {
    action();
  }

  /** A connection of a client. Returns the client's end. */
  connect(): SimSocket {
    const { 0: client, 1: socket } = new (socketPairClass(() => this.#world.scheduler))();
    this.#connections.add(socket);
    const duplex = new SocketDuplex(socket);
    duplex.begin(new this.#modules.AmqpSession(duplex, this.#settings));
    return client;
  }

  /** Ends it without a word: nothing of it runs any more, and both sides see their connections end. */
  kill(): void {
    this.#world.scheduler.note('fault: end of the gateway');
    this.isAlive = false;
    for (const socket of [...this.sockets, ...this.#connections]) {
      socket.break();
      socket.vanish();
    }
  }

  #fetch(url: string | URL, { signal: given, ...init }: FetchInit): Promise<SimResponse> {
    const { pathname, search } = new URL(url);
    const signal = new SimSignal();
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        signal.abort();
        reject(given!.reason as Error);
      };
      if (given?.aborted) return abort();
      given?.addEventListener('abort', abort, { once: true });
      const request: SimRequestInit = { ...init, signal };
      this.#world
        .request(this, `${pathname}${search}`, request, () => {})
        .then(
          (response) => {
            if (signal.aborted) response.webSocket?.break();
            resolve(response);
          },
          () => reject(new TypeError('fetch failed')),
        );
    });
  }

  async #openSocket(url: string, headers: Record<string, string>): Promise<SimSocket> {
    const { webSocket, status } = await this.#fetch(url, { headers: { ...headers, upgrade: 'websocket' } });
    if (!webSocket) throw new this.#modules.SocketRefused(`no socket was opened: status ${status}`);
    webSocket.accept();
    return webSocket;
  }
}

const gateways = new WeakMap<World, Gateway>();

/** The gateway that runs now: one that has ended is started again. */
export function gatewayOf(world: World): Gateway {
  const known = gateways.get(world);
  if (known?.isAlive) return known;
  const started = new Gateway(world);
  gateways.set(world, started);
  return started;
}

class Interval implements Timer {
  isCancelled = false;

  constructor(
    timeout: (action: () => void, delayMs: number) => unknown,
    action: () => void,
    everyMs: number,
  ) {
    const next = (): void =>
      void timeout(() => {
        if (this.isCancelled) return;
        action();
        next();
      }, everyMs);
    next();
  }
}

class SocketDuplex implements Duplex {
  readonly isFromHere = true;
  readonly name = 'simulated';
  readonly isFull = false;
  readonly unreadBytes = 0;
  isPaused = false;
  readonly #socket: SimSocket;
  #session: AmqpSession | null = null;
  /** What came while it was paused. */
  #held: Uint8Array[] = [];

  constructor(socket: SimSocket) {
    this.#socket = socket;
  }

  begin(session: AmqpSession): void {
    this.#session = session;
    this.#socket.addEventListener('message', ({ data }) => {
      const bytes = new Uint8Array(data as ArrayBuffer);
      if (this.isPaused) this.#held.push(bytes);
      else session.receive(bytes);
    });
    this.#socket.addEventListener('close', () => session.ended());
    this.#socket.accept();
  }

  get isWritable(): boolean {
    return this.#socket.readyState === OPEN;
  }

  write(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) this.#session!.receive(bytes);
  }

  end(): void {
    this.#socket.close();
    this.#session!.ended();
  }

  destroy(): void {
    this.#socket.break();
    this.#session!.ended();
  }
}
