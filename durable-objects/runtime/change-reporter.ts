/**
 * Change reporter: tells the overview of a namespace that an object has changed. The first change after a rest sends a report;
 * from then on the overview asks every ten seconds, until nothing has changed in between. So there is no timer, no alarm and no row
 * here, and an object that is busy sends nothing at all.
 *
 * The work that was done never waits for a report and never fails because of one. If the object ends before it was asked, what it
 * had counted since its last report, at most ten seconds' worth, is missing from the counters of the overview.
 */

import type { KnownReport, ObjectReport } from '../../core/overview/object-report.ts';
import type { Env } from '../env.ts';
import { overviewStub } from '../stubs.ts';

/** The overview asks each ten seconds. An object that has not been asked for so long reports its next change by itself. */
const ASKED_WITHIN_MS = 30_000;

/** After a report has failed: the next change within this time does not try again. */
const RETRY_MS = 10_000;

/** A report as the object makes it. */
export type Told<Report> = Report extends unknown ? Omit<Report, 'wake' | 'number'> : never;

export interface ReportedObject {
  now(): number;
  waitUntil(work: Promise<unknown>): void;
  namespace(): string | null;
  /** Another number after each change that a report would tell. Reads nothing from storage. */
  mark(): number;
  /** Null if there is nothing to tell of. */
  report(): Told<ObjectReport> | null;
}

export class ChangeReporter {
  readonly #env: Env;
  readonly #object: ReportedObject;
  readonly #wake: number;
  #number = 0;
  /** The mark of what was told last, or was found when the object woke; null: nothing was told. Undefined: it is just being read. */
  #told: number | null | undefined;
  /** When the overview last learned that it has to ask; null: it does not ask. */
  #asksSinceMs: number | null = null;
  #failedMs = -Infinity;

  /** @param random from 0 to below 1 */
  constructor(env: Env, object: ReportedObject, random: number) {
    this.#env = env;
    this.#object = object;
    this.#wake = Math.floor(random * 2 ** 48);
  }

  /** The object was read from its rows: what is there was told before it slept. */
  woke(): void {
    this.#told = this.#object.mark();
  }

  /** The object was made: nothing was told yet. */
  made(): void {
    this.#told = null;
    this.changed();
  }

  /** Something has changed, or may have. */
  changed(): void {
    const nowMs = this.#object.now();
    if (isWithin(this.#asksSinceMs, ASKED_WITHIN_MS, nowMs) || isWithin(this.#failedMs, RETRY_MS, nowMs))
      return;
    try {
      const namespace = this.#object.namespace();
      if (namespace === null || this.#told === undefined || this.#object.mark() === this.#told) return;
      const report = this.#next(nowMs);
      if (report === null) return;
      const sent = overviewStub(this.#env, namespace).report(report);
      this.#object.waitUntil(sent.catch((error: unknown) => this.#failed(error)));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Answers the overview. @param known the last report that it has @returns null: nothing has changed, and it need not ask again */
  answer(known: KnownReport | null): ObjectReport | null {
    const isKnown = known !== null && known.wake === this.#wake && known.number === this.#number;
    if (!isKnown || this.#object.mark() !== this.#told) return this.#next(this.#object.now());
    this.#asksSinceMs = null;
    return null;
  }

  #next(nowMs: number): ObjectReport | null {
    const mark = this.#object.mark();
    const told = this.#object.report();
    if (told === null) return null;
    this.#told = mark;
    this.#asksSinceMs = nowMs;
    return { ...told, wake: this.#wake, number: ++this.#number } as ObjectReport;
  }

  #failed(error: unknown): void {
    console.error('a change could not be reported to the overview', error);
    this.#told = null;
    this.#asksSinceMs = null;
    this.#failedMs = this.#object.now();
  }
}

/** Clocks may go back: what lies ahead is not within. */
function isWithin(sinceMs: number | null, ms: number, nowMs: number): boolean {
  return sinceMs !== null && nowMs >= sinceMs && nowMs - sinceMs < ms;
}
