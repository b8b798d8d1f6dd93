/** Subscription metrics: what subscriptions have reported of themselves, as series. */

import { joined, OTHER } from './snapshot.ts';
import type { SubscriptionReport } from './subscription-report.ts';

/** Returns them with the oldest first, and those beyond the limit as one. */
export function subscriptionMetrics(
  reports: readonly SubscriptionReport[],
  max?: number,
): SubscriptionReport[] {
  const byAge = reports.toSorted((one, other) => one.id - other.id);
  const join = (one: SubscriptionReport, other: SubscriptionReport): SubscriptionReport => ({
    subscription: OTHER,
    id: one.id,
    pushed: one.pushed + other.pushed,
    failed: one.failed + other.failed,
    filtered: one.filtered + other.filtered,
    held: one.held + other.held,
    inFlight: one.inFlight + other.inFlight,
    open: one.open + other.open,
    paused: one.paused + other.paused,
    lag: one.lag === null && other.lag === null ? null : (one.lag ?? 0) + (other.lag ?? 0),
    deadLettersWaiting: one.deadLettersWaiting + other.deadLettersWaiting,
  });
  return joined(byAge, join, max);
}
