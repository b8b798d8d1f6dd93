/** Reports as metrics, when there are more objects than series. */

import { expect, it } from 'vitest';
import { OTHER, SERIES_MAX } from '../../../core/metrics/snapshot.ts';
import { NO_COUNTERS } from '../../../core/overview/counters.ts';
import { lagMetrics, partitionMetrics, queueMetrics } from '../../../core/overview/metrics-snapshot.ts';
import { partitionReport, queueReport } from './support/reports.ts';

const COUNT = SERIES_MAX + 5;

it('the oldest queues keep their series, and the others are summed', () => {
  const { state } = queueReport();
  const queues = Array.from({ length: COUNT }, (_, number) => ({
    report: queueReport({
      name: `q${number}`,
      id: COUNT - number,
      state: { ...state, ready: 2, is_paused: number < 3, oldest_ms: number },
    }),
    counters: { ...NO_COUNTERS, published: 3 },
  }));
  const metrics = queueMetrics(queues);
  expect(metrics).toHaveLength(SERIES_MAX + 1);
  expect(metrics[0]).toMatchObject({ queue: `q${COUNT - 1}`, ready: 2 });
  expect(metrics.at(-1)).toMatchObject({
    queue: OTHER,
    ready: 10,
    paused: 3,
    oldestMs: 0,
    counters: { published: 15 },
  });
});

it('partitions and lags are summed too', () => {
  const { state } = partitionReport();
  const groups = [{ group: 'g', kind: 'group' as const, offset: 0, lag: 2 }];
  const partitions = Array.from({ length: COUNT }, (_, partition) => ({
    report: partitionReport({ partition, state: { ...state, size_bytes: 7, high_watermark: 9, groups } }),
    counters: { ...NO_COUNTERS, records: 9 },
  }));
  expect(partitionMetrics(partitions).at(-1)).toEqual({
    topic: OTHER,
    partition: OTHER,
    highWatermark: null,
    logStartOffset: null,
    sizeBytes: 35,
    storedBytes: 0,
    damaged: 0,
    records: 45,
  });
  expect(lagMetrics(partitions, () => undefined, 0).at(-1)).toMatchObject({ group: OTHER, lag: 10 });
});
