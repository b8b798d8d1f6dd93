/**
 * Breaker of a subscription: keeps an endpoint that is down from being asked again and again, and messages from using up their
 * attempts meanwhile.
 *
 *   closed    all is sent. Failures of the endpoint one after another, of at least two messages, open it
 *   open      nothing is sent until `untilMs`
 *   probing   one request at a time. Its success closes the breaker, its failure opens it for longer
 *
 * One message that fails alone opens nothing: its attempts go by the retry schedule, and it becomes a dead letter. Where all
 * messages wait for it, nobody else can tell whether the endpoint is down: then it opens if nobody answers.
 */

export interface Breaker {
  readonly phase: 'closed' | 'open' | 'probing';
  /** Requests that failed one after another. */
  readonly failures: number;
  /** First messages of the first few of those. */
  readonly failed: readonly string[];
  /** How often it has opened without closing. */
  readonly opened: number;
  /** Nothing is sent before, in ms: it is open, or the endpoint asked to wait. */
  readonly untilMs: number;
}

export const CLOSED: Breaker = { phase: 'closed', failures: 0, failed: [], opened: 0, untilMs: 0 };

/** Failures that open it. */
const FAILURES_MAX = 5;

/** Failures that open it if the endpoint is absent and only one message can be pushed: the next are of that message too. */
const ABSENT_MAX = 2;

/** How long it stays open: twice as long each time, in ms. */
const OPEN_MS = 5_000;
const OPEN_MS_MAX = 120_000;

/** How long it waits for an endpoint that does not say how long: twice as long each time, in ms. */
const LATER_MS = 1_000;

/** No endpoint is believed that asks for more, in ms. */
export const ASKED_MS_MAX = 3_600_000;

/** A request was accepted. */
export function noteAccepted(breaker: Breaker): Breaker {
  return breaker.failures === 0 && breaker.phase === 'closed'
    ? breaker
    : { ...CLOSED, untilMs: breaker.untilMs };
}

/**
 * A request failed because the endpoint may be down.
 * @param message the id of its first message
 * @param isAbsent nobody was there who could have refused the message, and no other message can be pushed before it
 */
export function noteFailed(breaker: Breaker, message: string, nowMs: number, isAbsent = false): Breaker {
  const failures = breaker.failures + 1;
  if (breaker.phase === 'open') return { ...breaker, failures }; // it was sent before
  const failed =
    breaker.failed.length < 2 && !breaker.failed.includes(message)
      ? [...breaker.failed, message]
      : breaker.failed;
  const opens =
    breaker.phase === 'probing' ||
    (failures >= FAILURES_MAX && failed.length > 1) ||
    (failures >= ABSENT_MAX && isAbsent);
  if (!opens) return { ...breaker, failures, failed };
  const untilMs = nowMs + Math.min(OPEN_MS * 2 ** Math.min(breaker.opened, 10), OPEN_MS_MAX);
  return { phase: 'open', failures, failed, opened: breaker.opened + 1, untilMs };
}

/** The endpoint asked to wait. @param delayMs null: it did not say how long */
export function noteLater(breaker: Breaker, delayMs: number | null, nowMs: number): Breaker {
  const failures = breaker.failures + 1;
  const waitMs = delayMs ?? Math.min(LATER_MS * 2 ** Math.min(failures - 1, 10), OPEN_MS_MAX);
  const untilMs = Math.max(breaker.untilMs, nowMs + Math.min(waitMs, ASKED_MS_MAX));
  return { ...breaker, failures, untilMs };
}

/** Time has passed: an open breaker lets one request through. */
export function wake(breaker: Breaker, nowMs: number): Breaker {
  return breaker.phase === 'open' && breaker.untilMs <= nowMs ? { ...breaker, phase: 'probing' } : breaker;
}
