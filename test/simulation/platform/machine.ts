/** A machine: a clock of its own, a router, and the objects that happen to run there. */

import type { Scheduler, Timer } from './scheduler.ts';
import { SimIdentityTransformStream, SimRequest, SimResponse, wholeOf } from './http.ts';
import { OPEN, socketPairClass, type SimSocket } from './socket.ts';
import type { Globals, ProductCode } from './bundle.ts';
import type { Caller } from './network.ts';
import { determined } from './determined.ts';
import { currentLife, type OutsideRequest } from './outside.ts';

/** The names of the globals that the code of a machine is given. */
export const GLOBAL_NAMES = [
  'Date',
  'Math',
  'crypto',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'Request',
  'Response',
  'IdentityTransformStream',
  'FixedLengthStream',
  'WebSocketPair',
  'WebSocket',
  'WebSocketRequestResponsePair',
  'console',
  'fetch',
] as const;

/** What the pure code sees; it has no clock. */
export const SHARED_GLOBALS: Globals = { Request: SimRequest, Response: SimResponse };

interface Worker {
  fetch(request: SimRequest, env: object, ctx: object): Promise<SimResponse>;
  scheduled?(controller: object, env: object, ctx: object): Promise<void>;
}

export class Machine implements Caller {
  readonly name: string;
  readonly #scheduler: Scheduler;
  isAlive = true;
  /** How far its clock is ahead, in ms. */
  skewMs = 0;
  readonly exports: Record<string, unknown>;
  readonly sockets = new Set<SimSocket>();
  readonly #env: object;
  readonly #fetch: (caller: Caller, url: string, request?: OutsideRequest) => Promise<SimResponse>;
  readonly #calls = new Set<(error: Error) => void>();

  constructor(
    name: string,
    scheduler: Scheduler,
    code: ProductCode,
    skewMs: number,
    envFor: (caller: Caller) => object,
    fetchFor: (caller: Caller, url: string, request?: OutsideRequest) => Promise<SimResponse>,
  ) {
    this.name = name;
    this.#scheduler = scheduler;
    this.skewMs = skewMs;
    this.#env = envFor(this);
    this.#fetch = fetchFor;
    this.exports = code.start(this.#globals());
  }

  get nowMs(): number {
    return Math.floor(this.#scheduler.nowMs + this.skewMs);
  }

  /** A router keeps nothing: what it sends leaves at once. */
  whenDurable(action: () => void): void {
    action();
  }

  handle(request: SimRequest): Promise<SimResponse> {
    return this.#run(async () => {
      const context = { waitUntil: ignore, passThroughOnException: ignore };
      return await wholeOf(await this.#worker.fetch(request, this.#env, context), request.signal);
    });
  }

  /** Runs the cron trigger, as if at that time. */
  cron(scheduledTime: number): Promise<void> {
    const controller = { scheduledTime, cron: '*/5 * * * *', noRetry: ignore };
    return this.#run(async () => this.#worker.scheduled?.(controller, this.#env, { waitUntil: ignore }));
  }

  /** Ends what its router does. */
  stop(): void {
    this.isAlive = false;
    for (const reject of this.#calls) reject(new Error('The machine is gone.'));
    this.#calls.clear();
    for (const socket of this.sockets) socket.break();
    this.sockets.clear();
  }

  get #worker(): Worker {
    return this.exports['default'] as Worker;
  }

  #run<Result>(work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#calls.add(reject);
      const end = (act: () => void): void => {
        if (this.#calls.delete(reject)) act();
      };
      work().then(
        (result) => end(() => resolve(result)),
        (error: unknown) => end(() => reject(error as Error)),
      );
    });
  }

  #globals(): Globals {
    const timeout = (action: () => void, delayMs = 0): Timer => {
      const life = currentLife.getStore();
      return this.#scheduler.after(delayMs, 'timeout', () => {
        if (!this.isAlive || life?.isAlive === false) return;
        if (life) currentLife.run(life, action);
        else action();
      });
    };
    const cancel = (timer?: Timer): void => {
      if (timer) timer.isCancelled = true;
    };
    const say = (...words: unknown[]): void => {
      this.#scheduler.onTrace?.(
        `            ${this.name} says: ${words.map((word) => (word instanceof Error ? word.message : JSON.stringify(word))).join(' ')}`,
      );
    };
    return {
      ...determined(this.#scheduler.random, () => this.nowMs),
      setTimeout: timeout,
      clearTimeout: cancel,
      setInterval: () => {
        throw new Error('intervals are not simulated');
      },
      clearInterval: cancel,
      Request: SimRequest,
      Response: SimResponse,
      IdentityTransformStream: SimIdentityTransformStream,
      FixedLengthStream: SimIdentityTransformStream,
      WebSocketPair: socketPairClass(() => this.#scheduler),
      WebSocket: { CONNECTING: 0, OPEN, CLOSING: 2, CLOSED: 3 },
      WebSocketRequestResponsePair,
      console: { log: say, info: say, warn: say, error: say, debug: say },
      fetch: (url: string, request?: OutsideRequest) =>
        this.#fetch(currentLife.getStore() ?? this, url, request),
      platform: {
        DurableObject: SimDurableObject,
        WorkerEntrypoint: SimDurableObject,
        RpcTarget: class {},
        waitUntil: ignore,
      },
    };
  }
}

class SimDurableObject {
  readonly ctx: object;
  readonly env: object;

  constructor(ctx: object, env: object) {
    this.ctx = ctx;
    this.env = env;
  }
}

function ignore(): void {}

class WebSocketRequestResponsePair {
  readonly request: string;
  readonly response: string;

  constructor(request: string, response: string) {
    this.request = request;
    this.response = response;
  }
}
