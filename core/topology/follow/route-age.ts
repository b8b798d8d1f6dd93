/**
 * Route age: which routing graph a publish may use. A publish sees every change that was made longer than the bound before it
 * began. An answer of a follower may itself be half the bound old when it is given.
 */

/** How old an answer may be that a router takes, as a share of its bound. */
export const ANSWER_SHARE = 0.5;

/** From this share of the bound on, a router asks while it still uses its graph: a busy one never waits. */
const ASK_SHARE = 0.75;

export type GraphUse = 'use' | 'use-and-ask' | 'wait';

/** @param confirmedMs when the graph was as the topology had it; null: there is no graph */
export function graphUse(confirmedMs: number | null, nowMs: number, maxAgeMs: number): GraphUse {
  const ageMs = confirmedMs === null ? -1 : nowMs - confirmedMs;
  // Below 0 if the clock has gone back: then nobody knows how old it is.
  if (ageMs < 0 || ageMs > maxAgeMs || maxAgeMs <= 0) return 'wait';
  return ageMs > maxAgeMs * ASK_SHARE ? 'use-and-ask' : 'use';
}

/** Whether the answer to a question of that time is young enough for a publish that begins now. */
export function isYoungEnough(askedMs: number, nowMs: number, maxAgeMs: number): boolean {
  return nowMs - askedMs < maxAgeMs * (1 - ANSWER_SHARE) && nowMs >= askedMs;
}
