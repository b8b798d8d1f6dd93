/** What metrics are called. */

import { expect, it } from 'vitest';
import { exposition } from '../../../core/metrics/exposition.ts';
import { familiesOf, METRIC_NAMES } from '../../../core/metrics/families.ts';
import { NO_COUNTERS } from '../../../core/overview/counters.ts';
import { NONE_GONE, OverviewBook } from '../../../core/overview/overview-book.ts';
import { parseExposition } from '../../support/exposition-parser.ts';
import { partitionReport, queueReport } from '../overview/support/reports.ts';

it('has these families, of each namespace, in both formats', () => {
  const book = new OverviewBook('default', [], NONE_GONE, null, 0);
  const { state: queue } = queueReport();
  const { state: partition } = partitionReport();
  const groups = [{ group: 'g', kind: 'group' as const, offset: 2, lag: 3 }];
  for (const report of [
    queueReport({
      state: { ...queue, ready: 4, oldest_ms: 1_000 },
      counters: { ...NO_COUNTERS, published: 7, rows_written: 9 },
    }),
    partitionReport({ state: { ...partition, high_watermark: 5, groups } }),
  ])
    book.put(book.entryFor(report, 2_000)!);
  const subscription = {
    subscription: 's',
    id: 1,
    pushed: 8,
    failed: 1,
    filtered: 0,
    held: 2,
    inFlight: 1,
    open: 1,
    paused: 0,
    lag: 5,
    deadLettersWaiting: 0,
  };
  const snapshots = ['one', 'two'].map(
    (name) => [name, { ...book.metrics(3_500), subscriptions: [subscription] }] as const,
  );
  for (const format of ['prometheus', 'openmetrics'] as const) {
    const samples = parseExposition(exposition(familiesOf(snapshots, '1.2.3'), format), format);
    expect([...new Set(samples.map(({ name }) => name))].sort()).toEqual([...METRIC_NAMES].sort());
    const of = (wanted: string) =>
      samples.flatMap(({ name, labels, value }) =>
        name === wanted && labels['namespace'] !== 'two' ? [[labels, value]] : [],
      );
    const one = { namespace: 'one' };
    expect(of('posthorn_build_info')).toEqual([[{ version: '1.2.3' }, 1]]);
    expect(of('posthorn_queue_messages')).toContainEqual([{ ...one, queue: 'a', state: 'ready' }, 4]);
    expect(of('posthorn_queue_oldest_seconds')).toEqual([[{ ...one, queue: 'a' }, 2.5]]);
    expect(of('posthorn_messages_published_total')).toEqual([[{ ...one, queue: 'a' }, 7]]);
    expect(of('posthorn_partition_high_watermark')).toEqual([[{ ...one, topic: 'a', partition: '0' }, 5]]);
    const lag = { ...one, kind: 'group', group: 'g', topic: 'a', partition: '0' };
    expect(of('posthorn_group_lag')).toEqual([[lag, 3]]);
    expect(of('posthorn_group_lag_seconds')).toEqual([[lag, 1.5]]);
    expect(of('posthorn_rows_written_total')).toContainEqual([{ ...one, object: 'queue' }, 9]);
    expect(of('posthorn_cost_dollars_total')).toEqual([[one, 0.000009]]);
    expect(of('posthorn_subscription_pushed_total')).toEqual([[{ ...one, subscription: 's' }, 8]]);
    expect(of('posthorn_subscription_breaker_open')).toEqual([[{ ...one, subscription: 's' }, 1]]);
    expect(of('posthorn_subscription_lag')).toEqual([[{ ...one, subscription: 's' }, 5]]);
    expect(of('posthorn_problems')).toContainEqual([{ ...one, problem: 'paused' }, 0]);
  }
});
