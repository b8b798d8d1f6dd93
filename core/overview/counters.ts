/** Counters of the overview: sums and differences of them. */

import { DEATH_REASONS } from '../../protocol/schemas/death-reasons.ts';
import type { OverviewCounters } from '../../protocol/schemas/overview.ts';

type Plain = Exclude<keyof OverviewCounters, 'dead_letters'>;

const PLAIN: readonly Plain[] = [
  'published',
  'delivered',
  'acked',
  'expired',
  'dropped',
  'replayed',
  'records',
  'rows_written',
];

export const NO_COUNTERS: OverviewCounters = combined(() => 0);

export function plus(one: OverviewCounters, other: OverviewCounters): OverviewCounters {
  return combined((of) => of(one) + of(other));
}

/** Never below zero: a counter of an object that woke again may be smaller than before. */
export function minus(one: OverviewCounters, other: OverviewCounters): OverviewCounters {
  return combined((of) => Math.max(0, of(one) - of(other)));
}

export function deadLettersOf({ dead_letters: deaths }: OverviewCounters): number {
  return DEATH_REASONS.reduce((sum, reason) => sum + deaths[reason], 0);
}

function combined(combine: (of: (counters: OverviewCounters) => number) => number): OverviewCounters {
  const plain = Object.fromEntries(PLAIN.map((name) => [name, combine((counters) => counters[name])]));
  const deaths = DEATH_REASONS.map((reason) => [
    reason,
    combine((counters) => counters.dead_letters[reason]),
  ]);
  return { ...plain, dead_letters: Object.fromEntries(deaths) as object } as OverviewCounters;
}
