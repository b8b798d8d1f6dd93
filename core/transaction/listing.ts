/**
 * The list of transactional ids in use, which the topology of the namespace keeps for the watchdog: an open transaction
 * whose alarm was lost is found by it. An id is put on it before its transaction opens, and taken off when nothing has been
 * open for an hour, so that the list holds those in use and no more. A job that has many transactions in an hour pays for
 * none of that.
 *
 * Both go to another object, and may arrive late or twice. So each time on the list has a number: taking off says up to
 * which, and what comes late takes nothing off that was put there since.
 */

import type { Transaction } from './transaction.ts';

/** Kept in the row of the coordinator. */
export interface Listing {
  /** Of the time on the list, or the next one. */
  readonly number: number;
  readonly isListed: boolean;
  /** When the row was written last, for whatever reason but this. */
  readonly usedMs: number;
}

export const NEVER_LISTED: Listing = { number: 1, isListed: false, usedMs: 0 };

/** An id that was used less long ago stays: between, the watchdog comes by for nothing. */
export const LISTED_FOR_MS = 3_600_000;

export function isIdle(known: Transaction<unknown>, { usedMs }: Listing, nowMs: number): boolean {
  return known.phase === 'empty' && nowMs - usedMs >= LISTED_FOR_MS;
}

/** Also if it was not listed, as far as is known: the answer may have been lost. */
export function takenOff({ number, usedMs }: Listing): Listing {
  return { number: number + 1, isListed: false, usedMs };
}
