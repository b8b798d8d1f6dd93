/**
 * Letter routes: which destination gets which dead letters, and which letters no destination gets. Messages of a replay go
 * wherever it says; dead letters must not go round in circles.
 */

import { BROKER_HOPS_MAX } from '../../../protocol/limits.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import type { Destination } from '../../exchange/binding.ts';
import { batchesByDestination, type DestinationBatch } from '../../exchange/destination-batches.ts';
import { historyOf, hopsOf } from './death-headers.ts';
import { isCycle } from './death-history.ts';

/** Dead letters that no destination got, by reason. */
export interface Discarded {
  /** They would have gone round in circles. */
  cycle: number;
  /** The broker had published them on too often, and there was no other queue left for them. */
  hop_limit: number;
  /** The exchange has no binding that takes them, or the topic is compacted and they have no key. */
  unroutable: number;
  /** The queue was told to drop its dead letters while they were on their way. */
  dropped: number;
}

export const NONE_DISCARDED: Discarded = { cycle: 0, hop_limit: 0, unroutable: 0, dropped: 0 };

/** Adds the counts. Returns `known` itself if there is nothing to add. */
export function withDiscarded(known: Discarded, more: Discarded): Discarded {
  const reasons = Object.keys(NONE_DISCARDED) as (keyof Discarded)[];
  if (reasons.every((reason) => more[reason] === 0)) return known;
  const sum = { ...known };
  for (const reason of reasons) sum[reason] += more[reason];
  return sum;
}

export interface LetterRoutes {
  batches: DestinationBatch[];
  discarded: Discarded;
}

export function isBeyondHopLimit(letter: LogRecord): boolean {
  return hopsOf(letter) > BROKER_HOPS_MAX;
}

/**
 * @param destinations of each letter; null: the queue drops its dead letters
 * @param lastResort where letters beyond the hop limit stop, so that a person can inspect them; null: nowhere
 */
export function routeLetters(
  letters: readonly LogRecord[],
  destinations: readonly (readonly Destination[])[] | null,
  lastResort: Destination | null,
): LetterRoutes {
  const discarded = { ...NONE_DISCARDED };
  const found = letters.map((letter, index) => {
    const isStopped = isBeyondHopLimit(letter);
    const own = isStopped ? (lastResort ? [lastResort] : []) : (destinations?.[index] ?? []);
    if (own.length === 0) {
      discarded[isStopped ? 'hop_limit' : destinations === null ? 'dropped' : 'unroutable'] += 1;
      return own;
    }
    const history = historyOf(letter);
    const taken = own.filter(({ kind, name }) => kind !== 'queue' || !isCycle(history, name));
    discarded.cycle += own.length - taken.length;
    return taken;
  });
  return { batches: batchesByDestination(found), discarded };
}

export function routeReplayed(destinations: readonly (readonly Destination[])[]): LetterRoutes {
  const unroutable = destinations.filter((own) => own.length === 0).length;
  return { batches: batchesByDestination(destinations), discarded: { ...NONE_DISCARDED, unroutable } };
}
