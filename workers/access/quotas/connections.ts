/** Connections: the streams that are open in this isolate, by who spends them. */

import type { Spender } from '../../../core/access/quotas/quotas.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';

/** When to try again. Nobody knows when a stream ends. */
const RETRY_AFTER_S = 5;

/** By the key of a spender. Without an entry there is none. */
const open = new Map<string, number>();

/** What makes a stream give its place to another: those whose client can do without. By the key of a spender. */
const yielding = new Map<string, Set<() => void>>();

/** Returns true where an end of a stream has to be noticed. */
export function countsConnections(spenders: readonly Spender[]): boolean {
  return spenders.some(({ quotas }) => quotas.connections != null);
}

/**
 * Counts a stream that is about to open.
 * @param yields of a stream that gives its place to others: called when it has been counted off for another one
 * @returns what counts it off again, once; or why it may not open
 */
export function takeConnection(spenders: readonly Spender[], yields?: () => void): (() => void) | Failure {
  for (const { key, what, quotas } of spenders) {
    const limit = quotas.connections ?? null;
    const isFull = (): boolean => limit !== null && (open.get(key) ?? 0) >= limit;
    if (yields === undefined && isFull()) yielding.get(key)?.values().next().value?.();
    if (!isFull()) continue;
    return failure('quota', `${what} may have ${limit} streams open at the same time`, {
      quota: 'connections',
      limit,
      retry_after_s: RETRY_AFTER_S,
    });
  }
  const keys = spenders.map(({ key }) => key);
  const giveWay = (): void => {
    countOff();
    yields!();
  };
  const countOff = (): void => {
    for (const key of keys.splice(0)) {
      const left = (open.get(key) ?? 0) - 1;
      if (left > 0) open.set(key, left);
      else open.delete(key);
      const others = yielding.get(key);
      if (others?.delete(giveWay) && others.size === 0) yielding.delete(key);
    }
  };
  for (const key of keys) {
    open.set(key, (open.get(key) ?? 0) + 1);
    if (yields === undefined) continue;
    const others = yielding.get(key) ?? new Set();
    yielding.set(key, others.add(giveWay));
  }
  return countOff;
}
