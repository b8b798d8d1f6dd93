/**
 * Cost meter: reports the rows that an object writes, step by step, and refuses publishes while the namespace has
 * reached its ceiling in this hour. The object does not wait for a report. A step is a hundredth of the ceiling.
 *
 * A report is answered with what the namespace may still write. An object that has written as much by itself since then refuses
 * without waiting for the next answer. Routers tell the ceiling with each publish, so that an object that wakes, or was told
 * another one before, need not report to learn it.
 */

import { HOUR_MS, hourOf, reportStep, STEP_AT_FIRST, wholeSteps } from '../../core/cost/cost-ceiling.ts';
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
  /** Rows of `#gathered` that nobody wrote: the point within a step at which this object begins. */
  #phase: number;
  /** Rows of the report that is under way. */
  #reporting = 0;
  /** What the namespace could still write in that hour, at the last answer. */
  #left: { rows: number; hour: number } | null = null;
  /** As routers tell it; null: they have not told one. */
  #ceiling: number | null = null;
  readonly #random: number;
  #closedUntilMs = 0;
  #askedMs = 0;
  #isReporting = false;
  #isSettingUp = false;

  /** @param random from 0 to below 1 */
  constructor(env: Env, host: CostHost, random: number) {
    this.#env = env;
    this.#host = host;
    this.#random = random;
    this.#gathered = this.#phase = Math.floor(random * STEP_AT_FIRST);
  }

  /**
   * What a publish is answered with; null if it may go on.
   * @param ceiling of the namespace; undefined: the router knows none
   */
  refusal(ceiling?: number): Failure | null {
    if ((ceiling ?? null) !== this.#ceiling) this.#learn(ceiling ?? null);
    this.note();
    const nowMs = this.#host.now();
    if (this.#isSpent(nowMs)) this.#close(nowMs);
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
    if (this.#isSettingUp) return;
    const rows = this.#host.rows();
    this.#gathered += rows - this.#counted;
    this.#counted = rows;
    if (this.#gathered < this.#step || this.#isReporting) return;
    const { reported, left } = wholeSteps(this.#gathered, this.#step);
    this.#gathered = left;
    this.#phase = 0; // it has been reported as if it were written
    this.#report(reported);
  }

  /** Runs what makes the object. What it writes is not counted, because it does not grow with messages. */
  setUp(make: () => void): void {
    this.#isSettingUp = true;
    try {
      make();
    } finally {
      this.#isSettingUp = false;
      this.#counted = this.#host.rows();
    }
  }

  /** True if this object alone has written what the namespace could still write. */
  #isSpent(nowMs: number): boolean {
    return this.#left?.hour === hourOf(nowMs) && this.#unreported() >= this.#left.rows;
  }

  /** Closes without waiting for an answer, and tells the topology all that it does not know. */
  #close(nowMs: number): void {
    this.#closedUntilMs = Math.max(this.#closedUntilMs, (hourOf(nowMs) + 1) * HOUR_MS);
    if (this.#isReporting || this.#gathered <= this.#phase) return;
    const rows = this.#gathered - this.#phase;
    this.#gathered = this.#phase;
    this.#report(rows);
  }

  #learn(ceiling: number | null): void {
    const isFirst = this.#ceiling === null;
    this.#ceiling = ceiling;
    this.#left = null;
    this.#askedMs = 0; // one that has refused asks at once
    if (ceiling === null) return; // the next answer says how often to report
    this.#step = reportStep(ceiling);
    if (!isFirst) return;
    const phase = Math.min(this.#phase, Math.floor(this.#random * this.#step));
    this.#gathered -= this.#phase - phase;
    this.#phase = phase;
  }

  /** Rows of this object that no answer has counted. */
  #unreported(): number {
    return this.#gathered + this.#reporting - this.#phase;
  }

  #report(rows: number): void {
    const namespace = this.#host.namespace();
    if (namespace === null || this.#isReporting) {
      this.#gathered += rows;
      return;
    }
    this.#isReporting = true;
    this.#reporting = rows;
    this.#askedMs = this.#host.now();
    const work = topologyStub(this.#env, namespace)
      .reportRows(rows)
      .then(({ closedUntilMs, left, step }) => {
        this.#closedUntilMs = closedUntilMs ?? 0;
        this.#left = left === null ? null : { rows: left, hour: hourOf(this.#host.now()) };
        this.#step = step;
      })
      .catch((error: unknown) => {
        this.#gathered += rows;
        console.error('rows could not be reported', error);
      })
      .finally(() => {
        this.#isReporting = false;
        this.#reporting = 0;
      });
    this.#host.waitUntil(work.then(() => {}));
  }
}
