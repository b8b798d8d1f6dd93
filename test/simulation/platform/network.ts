/** What lies between clients, routers and objects: calls take time, overtake each other, get lost, or arrive twice. */

import type { FaultRates } from '../faults.ts';
import type { Scheduler } from './scheduler.ts';

/** Who makes calls. What comes back to one that is no more is dropped. */
export interface Caller {
  readonly name: string;
  readonly isAlive: boolean;
  /** Runs the action when what the caller has written so far is durable. */
  whenDurable(action: () => void): void;
}

export interface CallOptions {
  caller: Caller;
  label: string;
  /** Whether it may be delivered twice: not the platform's own calls to an object, which it makes at most once. */
  mayRepeat: boolean;
  /** Called where it is delivered twice. */
  onRepeat?: () => void;
}

const LATENCY_MS = 4;
const LONG_DELAY_MS = 45_000;

export class Network {
  readonly #scheduler: Scheduler;
  rates: FaultRates;

  constructor(scheduler: Scheduler, rates: FaultRates) {
    this.#scheduler = scheduler;
    this.rates = rates;
  }

  /** The result of `deliver`, if both it and the reply arrive; else a rejection, from which one cannot tell which did not. */
  call<Result>({ caller, label, mayRepeat, onRepeat }: CallOptions, deliver: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const lost = (): void => {
        this.#scheduler.after(this.#delayMs() + 20, 'lost', () => {
          if (caller.isAlive) reject(new Error('Network connection lost.'));
        });
      };
      const copies = mayRepeat && this.#happens('duplicate', label) ? 2 : 1;
      if (copies === 2) onRepeat?.();
      const send = (): void => {
        for (let copy = 0; copy < copies; copy++) {
          if (this.#happens('loss', label)) {
            if (copy === copies - 1) lost();
            continue;
          }
          this.#scheduler.after(this.#delayMs(), label, () => {
            const answer = (act: () => void): void => {
              if (this.#happens('loss', label)) return lost();
              this.#scheduler.after(this.#delayMs(), 'reply', () => {
                if (caller.isAlive) act();
              });
            };
            deliver().then(
              (result) => answer(() => resolve(result)),
              (error: unknown) => answer(() => reject(error as Error)),
            );
          });
        }
      };
      caller.whenDurable(send);
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
