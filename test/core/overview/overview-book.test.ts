/** The book of reports: totals over sleeps, deletions and repetitions, and orders. */

import { describe, expect, it } from 'vitest';
import { NO_COUNTERS } from '../../../core/overview/counters.ts';
import type { ObjectReport } from '../../../core/overview/object-report.ts';
import { NONE_GONE, OverviewBook } from '../../../core/overview/overview-book.ts';
import { partitionReport, queueReport } from './support/reports.ts';

const published = (count: number) => ({ ...NO_COUNTERS, published: count });
const { state: queue } = queueReport();
const { state: partition } = partitionReport();

function bookOf(...reports: ObjectReport[]): OverviewBook {
  const book = new OverviewBook('default', [], NONE_GONE, null, 0);
  for (const report of reports) take(book, report);
  return book;
}

function take(book: OverviewBook, report: ObjectReport): void {
  const entry = book.entryFor(report, 1_000);
  if (entry) book.put(entry);
}

describe('the book', () => {
  it('counts a report once, however often and late it comes', () => {
    const [first, second] = [1, 2].map((number) => queueReport({ number, counters: published(5 * number) }));
    const book = bookOf(first!, second!, second!, first!);
    expect(book.overview(10, 1_000).counters.published).toBe(10);
  });

  it('adds what an object counts after a sleep', () => {
    const book = bookOf(
      queueReport({ wake: 1, counters: published(5) }),
      queueReport({ wake: 2, counters: published(1) }),
    );
    expect(book.overview(10, 1_000).queues).toMatchObject([{ queue: 'a', counters: { published: 6 } }]);
    const reread = new OverviewBook('default', [...book.entries], book.gone, null, 2_000);
    expect(reread.overview(10, 2_000)).toMatchObject({ counters: { published: 6 }, rates: { published: 0 } });
  });

  it('keeps what deleted objects counted', () => {
    const book = bookOf(
      queueReport({ counters: published(5), state: { ...queue, stored_bytes: 7 } }),
      partitionReport({ state: { ...partition, stored_bytes: 3 } }),
    );
    expect(book.storedBytes()).toBe(10);
    expect(book.forget({ kind: 'queue', name: 'a', id: 1 })).toEqual(['q a#1']);
    expect(book.storedBytes()).toBe(3);
    expect(book.overview(10, 1_000)).toMatchObject({ totals: { queues: 0 }, counters: { published: 5 } });
  });

  it('lists the fullest queues first', () => {
    const book = bookOf(
      ...[1, 3, 2].map((ready) => queueReport({ name: `q${ready}`, state: { ...queue, ready } })),
    );
    expect(book.overview(2, 1_000).queues.map(({ queue: name }) => name)).toEqual(['q3', 'q2']);
  });

  it('adds the lags of a group over partitions and topics', () => {
    const lags = (lag: number) => ({
      ...partition,
      groups: [{ group: 'g', kind: 'group' as const, offset: 0, lag }],
    });
    const book = bookOf(
      partitionReport({ partition: 0, state: lags(1) }),
      partitionReport({ partition: 1, state: lags(2) }),
      partitionReport({ name: 'b', state: lags(4) }),
      partitionReport({ name: 'unread' }),
    );
    expect(book.groups()).toEqual([{ group: 'g', kind: 'group', topics: ['a', 'b'], lag: 7 }]);
    expect(book.topics(1_000).map(({ topic, lag }) => [topic, lag])).toEqual([
      ['b', 4],
      ['a', 3],
      ['unread', null],
    ]);
  });
});
