/**
 * Cost meter: reports the rows that an object writes, step by step, and refuses publishes while the namespace has
 * reached its ceiling in this hour. The object does not wait for a report. A step is a hundredth of the ceiling.
 */

import { STEP_AT_FIRST, wholeSteps } from '../../core/cost/cost-ceiling.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { topologyStub } from '../stubs.ts';
import type { Env } from '../env.ts';

export interface CostHost {
  now(): number;
  /** Rows written since the object woke. */
  rows(): number;
  /** Null if it is not defined yet. */
  namespace(): string | null;
  waitUntil(work: Promise<void>): void;
}

/** While it is closed: how often to ask whether the ceiling was raised. */
const ASK_AGAIN_MS = 10_000;

export class CostMeter {
  readonly #env: Env;
  readonly #host: CostHost;
  #step = STEP_AT_FIRST;
  /** Rows of `host.rows()` that are counted in `#gathered`. */
  #counted = 0;
  #gathered: number;
  #closedUntilMs = 0;
  #askedMs = 0;
  #isReporting = false;

  /** @param random from 0 to below 1 */
  constructor(env: Env, host: CostHost, random: number) {
    this.#env = env;
    this.#host = host;
    this.#gathered = Math.floor(random * STEP_AT_FIRST);
  }

  /** What a publish is answered with; null if it may go on. */
  refusal(): Failure | null {
    this.note();
    const nowMs = this.#host.now();
    if (nowMs >= this.#closedUntilMs) return null;
    if (nowMs >= this.#askedMs + ASK_AGAIN_MS) this.#report(0);
    return failure(
      'cost_ceiling',
      'the namespace has written as many rows in this hour as its limits allow; PUT .../limits raises the ceiling',
      {
        retry_after_s: Math.max(1, Math.ceil((this.#closedUntilMs - nowMs) / 1_000)),
      },
    );
  }

  /** Counts what was written, and reports it when a step is full. */
  note(): void {
    const rows = this.#host.rows();
    this.#gathered += rows - this.#counted;
    this.#counted = rows;
    if (this.#gathered < this.#step || this.#isReporting) return;
    const { reported, left } = wholeSteps(this.#gathered, this.#step);
    this.#gathered = left;
    this.#report(reported);
  }

  #report(rows: number): void {
    const namespace = this.#host.namespace();
    if (namespace === null || this.#isReporting) {
      this.#gathered += rows;
      return;
    }
    this.#isReporting = true;
    this.#askedMs = this.#host.now();
    const work = topologyStub(this.#env, namespace)
      .reportRows(rows)
      .then(({ closedUntilMs, step }) => {
        this.#closedUntilMs = closedUntilMs ?? 0;
        this.#step = step;
      })
      .catch((error: unknown) => {
        this.#gathered += rows;
        console.error('rows could not be reported', error);
      })
      .finally(() => (this.#isReporting = false));
    this.#host.waitUntil(work.then(() => {}));
  }
}
