/**
 * Recent counts: what was counted within the last minute, for rates. In memory alone: after a sleep it begins anew, and divides
 * by the time since then until a minute has passed.
 */

import type { OverviewCounters, OverviewRates } from '../../protocol/schemas/overview.ts';
import { deadLettersOf } from './counters.ts';

export const RATE_MS = 60_000;
/** Reports come at most this often, and one tells what happened within about that time. */
const SHORTEST_MS = 10_000;

export const NO_RATES: OverviewRates = {
  published: 0,
  delivered: 0,
  acked: 0,
  dead_lettered: 0,
  records: 0,
  rows_written: 0,
};

export class RecentCounts {
  readonly #sinceMs: number;
  #counted: { atMs: number; counts: OverviewRates }[] = [];

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  get isEmpty(): boolean {
    return this.#counted.length === 0;
  }

  add(counters: OverviewCounters, nowMs: number): void {
    const { published, delivered, acked, records, rows_written } = counters;
    const counts = {
      published,
      delivered,
      acked,
      records,
      rows_written,
      dead_lettered: deadLettersOf(counters),
    };
    const last = this.#counted.at(-1);
    // Of a whole namespace many come within a second.
    if (last && nowMs - last.atMs < 1_000) last.counts = summed([last.counts, counts]);
    else this.#counted.push({ atMs: nowMs, counts });
    this.#forget(nowMs);
  }

  /** Returns the counts of a second. */
  rates(nowMs: number): OverviewRates {
    this.#forget(nowMs);
    if (this.isEmpty) return NO_RATES;
    const seconds = Math.min(RATE_MS, Math.max(SHORTEST_MS, nowMs - this.#sinceMs)) / 1_000;
    const sums = summed(this.#counted.map(({ counts }) => counts));
    return mapped((name) => Math.round((sums[name] / seconds) * 1_000) / 1_000);
  }

  #forget(nowMs: number): void {
    let past = 0;
    while (past < this.#counted.length && this.#counted[past]!.atMs <= nowMs - RATE_MS) past += 1;
    if (past > 0) this.#counted = this.#counted.slice(past);
  }
}

/** Returns the sum of rates or counts. */
export function summed(all: readonly OverviewRates[]): OverviewRates {
  return mapped((name) => all.reduce((sum, counts) => sum + counts[name], 0));
}

function mapped(value: (name: keyof OverviewRates) => number): OverviewRates {
  const names = Object.keys(NO_RATES) as (keyof OverviewRates)[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as OverviewRates;
}
