/**
 * One rule of one queue.
 *
 *   ok        below. Above: pending, or firing at once if `forMs` is 0
 *   pending   above, not for `forMs` yet. Below: ok. When the time is over: firing, with a notice
 *   firing    above. Below: ok, with a notice
 *
 * Each transition is a row, so that an object that leaves memory goes on where it was. A metric that swings around its
 * threshold must not cost rows without end: a rule changes its state at most once in `TRANSITION_INTERVAL_MS`.
 */

import type { AlertRule } from './alert-rule.ts';

export const TRANSITION_INTERVAL_MS = 1_000;

export interface AlertState {
  readonly phase: 'ok' | 'pending' | 'firing';
  /** When it came to the phase, in ms; null: it was always ok. */
  readonly sinceMs: number | null;
  /** When it began to be above; null if it is ok. */
  readonly aboveSinceMs: number | null;
}

export const OK: AlertState = { phase: 'ok', sinceMs: null, aboveSinceMs: null };

export interface AlertStep {
  /** The same object if nothing has happened. */
  readonly state: AlertState;
  readonly notice: 'firing' | 'recovered' | null;
  /** When to look again even if nothing happens until then; null: no need. */
  readonly lookAgainMs: number | null;
}

/**
 * @param value the metric now
 * @param aboveSinceMs when it began to be above, if that can be known to be earlier than now
 */
export function stepAlert(
  state: AlertState,
  rule: Pick<AlertRule, 'threshold' | 'forMs'>,
  value: number,
  nowMs: number,
  aboveSinceMs: number = nowMs,
): AlertStep {
  const isAbove = value > rule.threshold;
  const stay = (lookAgainMs: number | null): AlertStep => ({ state, notice: null, lookAgainMs });
  if (isAbove === (state.phase === 'firing') && (isAbove || state.phase === 'ok')) return stay(null);
  const since = state.aboveSinceMs ?? Math.min(aboveSinceMs, nowMs);
  const firesAtMs = since + rule.forMs;
  if (isAbove && state.phase === 'pending' && nowMs < firesAtMs) return stay(firesAtMs);
  const settledMs = (state.sinceMs ?? -Infinity) + TRANSITION_INTERVAL_MS;
  if (nowMs < settledMs && state.phase !== 'pending') return stay(settledMs);
  if (!isAbove) {
    const notice = state.phase === 'firing' ? 'recovered' : null;
    return { state: { phase: 'ok', sinceMs: nowMs, aboveSinceMs: null }, notice, lookAgainMs: null };
  }
  if (nowMs >= firesAtMs) {
    const firing: AlertState = { phase: 'firing', sinceMs: nowMs, aboveSinceMs: since };
    return { state: firing, notice: 'firing', lookAgainMs: null };
  }
  const pending: AlertState = { phase: 'pending', sinceMs: nowMs, aboveSinceMs: since };
  return { state: pending, notice: null, lookAgainMs: firesAtMs };
}
