/** Network between clients, routers and objects: calls take time, overtake each other, get lost, or arrive twice. */

import type { FaultRates } from '../faults.ts';
import { SimResponse } from './http.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimSocket } from './socket.ts';

/** Who makes calls. What comes back to one that is no more is dropped. */
export interface Caller {
  readonly name: string;
  readonly isAlive: boolean;
  /** Runs the action when what the caller has written so far is durable. */
  whenDurable(action: () => void): void;
  /** The sockets that came with responses: they end with it. */
  readonly sockets?: Set<SimSocket>;
}

export interface CallOptions {
  caller: Caller;
  label: string;
  /** Whether it may be delivered twice: not the platform's own calls to an object, which it makes at most once. */
  mayRepeat: boolean;
  /** Called if it is delivered twice. */
  onRepeat?: () => void;
}

const LATENCY_MS = 4;
const LONG_DELAY_MS = 45_000;
/** A connection that is gone is noticed after this, in ms. */
const NOTICED_MS = 2_000;

export class Network {
  readonly #scheduler: Scheduler;
  rates: FaultRates;

  constructor(scheduler: Scheduler, rates: FaultRates) {
    this.#scheduler = scheduler;
    this.rates = rates;
  }

  /** The result of `deliver`, if both it and the reply arrive; else a rejection, from which one cannot tell which did not. */
  call<Result>(options: CallOptions, deliver: () => Promise<Result>): Promise<Result> {
    const { caller, label, mayRepeat, onRepeat } = options;
    return new Promise((resolve, reject) => {
      const answer = new Answer(this.#scheduler, caller, resolve, reject);
      const copies = mayRepeat && this.#happens('duplicate', label) ? 2 : 1;
      if (copies === 2) onRepeat?.();
      caller.whenDurable(() => {
        for (let copy = 1; copy <= copies; copy++) this.#send(label, copy === copies, answer, deliver);
      });
    });
  }

  #send<Result>(
    label: string,
    isLast: boolean,
    answer: Answer<Result>,
    deliver: () => Promise<Result>,
  ): void {
    const lost = (): void => {
      this.#scheduler.after(this.#delayMs() + 20, 'lost', () =>
        answer.failed(Object.assign(new Error('Network connection lost.'), { retryable: true })),
      );
    };
    if (this.#happens('loss', label)) {
      if (isLast) lost();
      return;
    }
    const reply = (arrives: () => void): void =>
      void this.#scheduler.after(this.#delayMs(), 'reply', arrives);
    this.#scheduler.after(this.#delayMs(), label, () => {
      deliver().then(
        (result) => {
          if (!this.#happens('loss', label)) return reply(() => answer.came(result));
          answer.missed(result);
          lost();
        },
        (error: unknown) => reply(() => answer.failed(error as Error)),
      );
    });
  }

  #happens(fault: 'loss' | 'duplicate', label: string): boolean {
    const does = this.#scheduler.random() < this.rates[fault];
    if (does) this.#scheduler.note(`fault: ${fault} ${label}`);
    return does;
  }

  #delayMs(): number {
    const { random } = this.#scheduler;
    const isLong = random() < this.rates.delay;
    return isLong ? LONG_DELAY_MS * random() ** 3 : LATENCY_MS * random();
  }
}

/** The first answer counts. A socket that comes with another one is nobody's, and its connection ends. */
class Answer<Result> {
  #isKnown = false;
  readonly #scheduler: Scheduler;
  readonly #caller: Caller;
  readonly #resolve: (result: Result) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    scheduler: Scheduler,
    caller: Caller,
    resolve: (result: Result) => void,
    reject: (error: Error) => void,
  ) {
    this.#scheduler = scheduler;
    this.#caller = caller;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  came(result: Result): void {
    if (this.#isKnown || !this.#caller.isAlive) return this.missed(result);
    this.#isKnown = true;
    if (result instanceof SimResponse && result.webSocket) this.#caller.sockets?.add(result.webSocket);
    this.#resolve(result);
  }

  failed(error: Error): void {
    if (this.#isKnown || !this.#caller.isAlive) return;
    this.#isKnown = true;
    this.#reject(error);
  }

  missed(result: Result): void {
    if (!(result instanceof SimResponse) || !result.webSocket) return;
    const socket = result.webSocket;
    this.#scheduler.after(this.#scheduler.random() * NOTICED_MS, 'nobody there', () => socket.break());
  }
}
