import { expect, it } from 'vitest';
import { subscriptionMetrics } from '../../../core/metrics/subscription-metrics.ts';
import type { SubscriptionReport } from '../../../core/metrics/subscription-report.ts';

const report = (id: number, lag: number | null): SubscriptionReport => ({
  subscription: `s${id}`,
  id,
  pushed: 1,
  failed: 2,
  filtered: 3,
  held: 4,
  inFlight: 5,
  open: 1,
  paused: 0,
  lag,
  deadLettersWaiting: 6,
});

it('has series of the oldest, and one of all others', () => {
  const [first, others, ...none] = subscriptionMetrics([report(3, null), report(1, null), report(2, 7)], 1);
  expect(none).toEqual([]);
  expect(first).toEqual(report(1, null));
  expect(others).toEqual({
    ...report(2, 7),
    subscription: '(other)',
    pushed: 2,
    failed: 4,
    filtered: 6,
    held: 8,
    inFlight: 10,
    open: 2,
    deadLettersWaiting: 12,
  });
});
