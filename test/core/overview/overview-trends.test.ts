/** What only several reports show: dead letters that become more, messages that wait too long, lags that do not shrink. */

import { describe, expect, it } from 'vitest';
import { LAG_STUCK_MS } from '../../../core/overview/lag-progress.ts';
import { OverviewTrends, type QueueSurroundings } from '../../../core/overview/overview-trends.ts';
import { partitionReport, queueReport } from './support/reports.ts';

const { state: queue } = queueReport();
const { state: partition } = partitionReport();
const alone = { delivered: 0, deadLettered: 0, sources: [] };
const MINUTE_MS = 60_000;

describe('a queue', () => {
  const problems = (state: Partial<typeof queue>, around: Partial<QueueSurroundings> = {}) =>
    new OverviewTrends().problemsOfQueue(
      'a',
      queueReport({ state: { ...queue, ...state } }),
      { ...alone, ...around },
      10 * MINUTE_MS,
    );

  it('whose messages die says how many did within a minute', () => {
    expect(problems({}, { deadLettered: 0.05 })).toEqual([
      { problem: 'dead_letters_growing', detail: '3 messages died within the last minute' },
    ]);
  });

  it('that holds dead letters says of which queues, and not that nobody takes them', () => {
    expect(problems({ ready: 1, oldest_ms: 0 }, { sources: ['a', 'b', 'c', 'd'] })).toEqual([
      { problem: 'dead_letters', detail: '1 dead letter of a, b, c and others' },
    ]);
  });

  it('that nobody takes from is a problem after ten seconds, unless it is paused', () => {
    const waiting = { ready: 2, oldest_ms: 10 * MINUTE_MS - 10_000 };
    expect(problems(waiting)).toEqual([
      { problem: 'no_consumer', detail: '2 messages waiting, the oldest for 10 s' },
    ]);
    expect(problems({ ...waiting, oldest_ms: 10 * MINUTE_MS - 9_999 })).toEqual([]);
    expect(problems({ ...waiting, is_paused: true })).toEqual([]);
    expect(problems(waiting, { delivered: 1 })).toEqual([]);
    expect(problems({ ...waiting, consumers: 1 })).toEqual([]);
  });

  it('is late when its oldest message is older than usual', () => {
    const trends = new OverviewTrends();
    const withAge = (ageMs: number, nowMs: number) =>
      queueReport({ state: { ...queue, ready: 1, consumers: 1, oldest_ms: nowMs - ageMs } });
    for (let times = 1; times <= 20; times++) {
      const nowMs = times * MINUTE_MS;
      trends.note('a', withAge(30_000, nowMs), nowMs);
    }
    const at = 21 * MINUTE_MS;
    expect(trends.problemsOfQueue('a', withAge(119_000, at), alone, at)).toEqual([]);
    expect(trends.problemsOfQueue('a', withAge(121_000, at), alone, at)).toMatchObject([
      { problem: 'old_messages' },
    ]);
    expect(trends.problemsOfQueue('unknown', withAge(121_000, at), alone, at)).toEqual([]);
  });
});

describe('a lag', () => {
  const withLag = (lag: number, offset: number) =>
    partitionReport({ state: { ...partition, groups: [{ group: 'g', kind: 'group', lag, offset }] } });
  const stuckAfter = (...lags: [lag: number, offset: number][]): string[] => {
    const trends = new OverviewTrends();
    lags.forEach(([lag, offset], minute) => trends.note('p', withLag(lag, offset), minute * MINUTE_MS));
    return trends.stuckGroups('p', lags.length * MINUTE_MS);
  };

  it('is stuck when it has not shrunk for five minutes', () => {
    expect(LAG_STUCK_MS).toBe(5 * MINUTE_MS);
    expect(stuckAfter([4, 1], [4, 1], [5, 1], [6, 2], [7, 3])).toEqual(['group g']);
    expect(stuckAfter([4, 1], [4, 1], [5, 1], [6, 2])).toEqual([]);
  });

  it('is not stuck while it shrinks, or stays as its group goes on', () => {
    expect(stuckAfter([4, 1], [9, 1], [3, 1], [4, 2], [5, 3], [6, 4])).toEqual([]);
    expect(stuckAfter([4, 1], [4, 2], [4, 3], [4, 4], [4, 5], [4, 6])).toEqual([]);
  });

  it('is not stuck when its group was at the end until now', () => {
    expect(stuckAfter([0, 1], [0, 1], [0, 1], [0, 1], [0, 1], [0, 1], [8, 1])).toEqual([]);
  });

  it('is gone with its group', () => {
    const trends = new OverviewTrends();
    trends.note('p', withLag(4, 0), 0);
    trends.note('p', partitionReport(), 1);
    expect(trends.stuckGroups('p', 10 * MINUTE_MS)).toEqual([]);
  });
});
