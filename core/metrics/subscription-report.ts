/** Subscription report: how the pushes of a subscription go, as it tells the overview. */

/** What a subscription tells the overview. Its counters count from when its object woke. */
export interface SubscriptionReport {
  readonly subscription: string;
  /** The topology version that made it. */
  readonly id: number;
  readonly pushed: number;
  readonly failed: number;
  readonly filtered: number;
  readonly held: number;
  readonly inFlight: number;
  /** 1 if its breaker is not closed; of several how many are so. */
  readonly open: number;
  readonly paused: number;
  /** Null: its source is a queue, or did not answer. */
  readonly lag: number | null;
  readonly deadLettersWaiting: number;
  /** Where its partitions ended, if it had nothing to do before that (`core/subscription/rest.ts`); null, absent: it had. */
  readonly restsAt?: string | null;
}
