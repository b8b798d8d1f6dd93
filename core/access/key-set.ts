/**
 * Key set: when the public keys of an issuer are asked for. Calls with JWTs must not wait for an issuer that is slow, nor
 * flood one that is down, and anybody can send a JWT that names a key which nobody has.
 *
 *   the keys are           and the key of the JWT is          then
 *   -------------------    -------------------------------    -------------------------------------------------
 *   not there, or > 1 day  -                                  wait for them; refuse if that failed within 10 s
 *   there                  among them                         use it; above 10 min ask for newer ones meanwhile
 *   there                  not among them                     wait for newer ones, asked for at most once in 30 s
 *
 * Calls cannot share an answer, because the runtime ties each to its own call. A few that come at once ask by themselves.
 */

export interface KeySetState {
  /** When the keys came that are there; null: there are none. */
  readonly fetchedMs: number | null;
  /** When the issuer was asked last; null: never. */
  readonly askedMs: number | null;
  /** When it last failed to answer; null: never since it answered. */
  readonly failedMs: number | null;
  /** Questions under way. One whose call was cancelled is counted until `ANSWER_MS_MAX` has passed. */
  readonly asking: number;
}

/** `use`: what is there. `refresh`: use it, and ask meanwhile. `wait`: ask first. `refuse`: there is nothing to use. */
export type KeySetStep = 'use' | 'refresh' | 'wait' | 'refuse';

export const ANSWER_MS_MAX = 3_000;

const FRESH_MS = 10 * 60_000;
const TRUSTED_MS_MAX = 24 * 3_600_000;
const PAUSE_MS = 30_000;
/** Shorter while there are no keys: every JWT is refused until there are. */
const PAUSE_WITHOUT_KEYS_MS = 10_000;
const ASKING_MAX = 8;

export function keySetStep(state: KeySetState, isKeyThere: boolean, nowMs: number): KeySetStep {
  const ageMs = ageOf(state, nowMs);
  const isAsking = state.asking > 0 && isWithin(state.askedMs, ANSWER_MS_MAX, nowMs);
  const mayAsk = !isAsking || state.asking < ASKING_MAX;
  if (ageMs > TRUSTED_MS_MAX) {
    return isWithin(state.failedMs, PAUSE_WITHOUT_KEYS_MS, nowMs) || !mayAsk ? 'refuse' : 'wait';
  }
  const isPause = isWithin(state.askedMs, PAUSE_MS, nowMs);
  if (!isKeyThere) return mayAsk && (isAsking || !isPause) ? 'wait' : 'use';
  return ageMs > FRESH_MS && !isPause ? 'refresh' : 'use';
}

/** Returns true while the keys that are there may be used, whatever the issuer answers. */
export function hasTrustedKeys(state: KeySetState, nowMs: number): boolean {
  return ageOf(state, nowMs) <= TRUSTED_MS_MAX;
}

function ageOf({ fetchedMs }: KeySetState, nowMs: number): number {
  return fetchedMs === null ? Infinity : nowMs - fetchedMs;
}

/** A clock that was put back ends a pause. */
function isWithin(sinceMs: number | null, lengthMs: number, nowMs: number): boolean {
  return sinceMs !== null && nowMs >= sinceMs && nowMs - sinceMs < lengthMs;
}
