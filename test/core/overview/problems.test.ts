/** Problems that reports show. */

import { describe, expect, it } from 'vitest';
import { byGravity, problemsOf } from '../../../core/overview/problems.ts';
import { partitionReport, queueReport } from './support/reports.ts';

const { state: queue } = queueReport();
const { state: partition } = partitionReport();

describe('problems', () => {
  it('are none of an object that is well', () => {
    expect([queueReport(), partitionReport()].flatMap(problemsOf)).toEqual([]);
  });

  it('are what is wrong with an object, the worst first', () => {
    const reports = [
      queueReport({ name: 'still', state: { ...queue, is_paused: true, ready: 4 } }),
      queueReport({ name: 'brim', state: { ...queue, is_full: true, ready: 9 } }),
      queueReport({ name: 'loud', state: { ...queue, firing: ['depth'] } }),
      queueReport({ name: 'stuck', state: { ...queue, outgoing: 2, outgoing_problem: 'no queue "x"' } }),
      partitionReport({ partition: 3, state: { ...partition, damaged_batches: 1 } }),
      partitionReport({ name: 'big', state: { ...partition, stored_bytes: 9_000_000_000 } }),
    ];
    expect(reports.flatMap(problemsOf).sort(byGravity)).toMatchObject([
      { problem: 'target_broken', name: 'stuck', detail: '2 messages cannot leave: no queue "x"' },
      { problem: 'damaged', kind: 'partition', name: 'a', partition: 3 },
      { problem: 'full', name: 'brim' },
      { problem: 'storage_nearly_full', name: 'big' },
      { problem: 'alert_firing', name: 'loud' },
      { problem: 'paused', name: 'still' },
    ]);
  });
});
