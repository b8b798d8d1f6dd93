/** The stored reports: what is read back, and what a change costs. */

import { describe, expect, it } from 'vitest';
import { NO_COUNTERS } from '../../../core/overview/counters.ts';
import { NONE_GONE, type Entry } from '../../../core/overview/overview-book.ts';
import { keyOf } from '../../../core/overview/object-report.ts';
import { OverviewStore, PAGE_ENTRIES } from '../../../durable-objects/overview/overview-store.ts';
import { queueReport } from '../../core/overview/support/reports.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';

function setUp(count: number) {
  const sql = new NodeSql();
  const store = new OverviewStore(sql);
  const entries = new Map<string, Entry>();
  for (let number = 0; number < count; number++) {
    const report = queueReport({ name: `q${number}` });
    entries.set(keyOf(report), { report, atMs: 0, before: NO_COUNTERS });
  }
  store.put(entries.keys(), (key) => entries.get(key));
  const cost = (action: () => void): number => {
    const before = sql.meter.rowsWritten;
    action();
    return sql.meter.rowsWritten - before;
  };
  const readAgain = (): string[] =>
    new OverviewStore(sql)
      .entries()
      .map(({ report }) => report.name)
      .sort();
  return { store, entries, cost, readAgain };
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => `q${number}`).sort();

describe('the store of the overview', () => {
  it('writes a row for many reports that come together', () => {
    const { store, entries, cost, readAgain } = setUp(3 * PAGE_ENTRIES);
    expect(cost(() => store.put(entries.keys(), (key) => entries.get(key)))).toBe(3);
    expect(cost(() => store.put(['q q7#1'], (key) => entries.get(key)))).toBe(1);
    expect(readAgain()).toEqual(numbered(3 * PAGE_ENTRIES));
  });

  it('fills the room of what was removed, and releases empty rows', () => {
    const { store, entries, readAgain } = setUp(2 * PAGE_ENTRIES);
    const keys = [...entries.keys()];
    for (const key of keys) entries.delete(key);
    store.remove(keys.slice(1), NONE_GONE, (key) => entries.get(key));
    expect(readAgain()).toEqual([]);
    const report = queueReport({ name: 'new' });
    entries.set(keyOf(report), { report, atMs: 0, before: NO_COUNTERS });
    store.put([keyOf(report)], (key) => entries.get(key));
    expect(readAgain()).toEqual(['new']);
  });

  it('goes on with what was read', () => {
    const sql = new NodeSql();
    const report = queueReport({});
    const entry = (number: number): Entry => ({
      report: { ...report, number },
      atMs: number,
      before: NO_COUNTERS,
    });
    new OverviewStore(sql).put([keyOf(report)], () => entry(1));
    const woken = new OverviewStore(sql);
    woken.entries();
    woken.put([keyOf(report)], () => entry(2));
    expect(new OverviewStore(sql).entries()).toEqual([entry(2)]);
  });
});
