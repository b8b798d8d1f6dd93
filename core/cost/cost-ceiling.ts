/**
 * The ceiling of what a namespace may write, in rows an hour of the clock. Objects count their own rows and report them in
 * steps, to the topology, which adds them up and says when it is enough.
 *
 * An object that wakes begins somewhere within a step, at random: what is reported is then right on the average even if
 * objects write little and leave memory again, and within a step of the truth for each one that stays.
 */

export const HOUR_MS = 3_600_000;

/** Also how late, in rows, an object hears of a ceiling that is set while it writes. A thousand rows cost a tenth of a cent. */
const STEP_MAX = 1_000;
const STEP_MIN = 1;

/** Before the object has heard of one. */
export const STEP_AT_FIRST = 50;

/** How many rows an object writes between two reports: a hundredth of the ceiling. */
export function reportStep(rowsPerHour: number | null): number {
  if (rowsPerHour === null) return STEP_MAX;
  return Math.max(STEP_MIN, Math.min(STEP_MAX, Math.floor(rowsPerHour / 100)));
}

export function hourOf(nowMs: number): number {
  return Math.floor(nowMs / HOUR_MS);
}

/** What has gathered, in whole steps, and what is left of it. */
export function wholeSteps(gathered: number, step: number): { reported: number; left: number } {
  const reported = Math.floor(gathered / step) * step;
  return { reported, left: gathered - reported };
}

/** A ceiling is near from here on. */
const NEAR_TWENTIETHS = 16;

/** How many twentieths of the ceiling are written, 20 at most; null: it is not near, or there is none. */
export function usedTwentieths(rows: number, rowsPerHour: number | null): number | null {
  if (rowsPerHour === null) return null;
  const used = Math.min(20, Math.floor((20 * rows) / rowsPerHour));
  return used < NEAR_TWENTIETHS ? null : used;
}
