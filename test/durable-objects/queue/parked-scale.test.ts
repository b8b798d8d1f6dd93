/** What 100,000 messages that wait for a retry cost: rows written, and rows read when the queue wakes. */

import { describe, expect, it } from 'vitest';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { QueueDriver } from './support/queue-driver.ts';

const MESSAGES = 100_000;
const bodies = (count: number): string[] => Array.from({ length: count }, () => 'x'.repeat(100));
const tagsOf = (deliveries: { tag: string }[]): string[] => deliveries.map(({ tag }) => tag);
const JITTERED = { base_ms: 30_000, factor: 2, max_ms: 600_000, jitter: 0.5, attempts: 5 };

/** A queue all of whose messages have failed, in settlements of `together` messages. */
function failed(count: number, together: number, properties = {}): { driver: QueueDriver; rows: number } {
  const driver = new QueueDriver(new NodeSql(), { retry: JITTERED });
  for (let left = count; left > 0; left -= 10_000) driver.publish(bodies(Math.min(left, 10_000)), properties);
  const error = { type: 'Error', message: 'no', stack_trace: 'at x\n'.repeat(20) };
  const rows = driver.rowsWrittenBy(() => {
    for (let left = count; left > 0; left -= together) {
      driver.settle(tagsOf(driver.deliver(together)), { kind: 'nack', error });
      driver.nowMs += 1;
    }
  });
  expect(driver.counts).toMatchObject({ ready: 0, leased: 0, parked: count });
  return { driver, rows };
}

describe('messages that wait for a retry', () => {
  it(`are written as few rows where ${MESSAGES} fail together, each with a delay of its own`, () => {
    const { driver, rows } = failed(MESSAGES, 10_000);
    const parked = driver.sql.all<{ rows: number; times: number }>(
      'SELECT count(*) AS rows, count(DISTINCT due_ms) AS times FROM parked',
    )[0]!;
    const back = driver.rowsWrittenBy(() => driver.advance(31_000));
    expect(driver.counts).toMatchObject({ ready: MESSAGES, parked: 0 });
    driver.check();
    console.log(
      `${MESSAGES} messages failing in settlements of 10,000: ${rows / MESSAGES} rows each to park them, ` +
        `${back / MESSAGES} to bring them back; ${parked.rows} rows for ${parked.times} different times`,
    );
    expect(parked.times).toBeGreaterThan(20);
    expect(rows / MESSAGES).toBeLessThan(0.1);
    expect(back / MESSAGES).toBeLessThan(0.1);
  });

  it('are at most 4 rows to park and 3 to bring back where each fails by itself', () => {
    const { driver, rows } = failed(1_000, 1);
    let back = 0;
    for (let step = 0; step < 3_100; step++) back += driver.rowsWrittenBy(() => driver.advance(10));
    expect(driver.counts).toMatchObject({ ready: 1_000, parked: 0 });
    console.log(
      `1,000 messages failing one by one: ${rows / 1_000} rows each to park, ${back / 1_000} to return`,
    );
    expect(rows / 1_000).toBeLessThanOrEqual(4);
    expect(back / 1_000).toBeLessThanOrEqual(3);
  });

  it('are not read when the queue wakes, nor looked through for the next one', () => {
    const { driver } = failed(2_000, 1);
    const before = driver.counts;
    const statements: string[] = [];
    const spying = new Proxy(driver.sql, {
      get(sql, name) {
        const value = Reflect.get(sql, name, sql) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (typeof args[0] === 'string') statements.push(args[0]);
          return (value as (...given: unknown[]) => unknown).apply(sql, args);
        };
      },
    });
    driver.reopen(spying);
    expect(driver.counts).toEqual(before);
    expect(driver.queue.nextParkedMs()).toBeGreaterThan(driver.nowMs);
    const about = [...new Set(statements)].filter((statement) => /parked/.test(statement));
    expect(about.length).toBeGreaterThanOrEqual(3);
    for (const statement of about) {
      const plan = driver.sql
        .all<{ detail: string }>(
          `EXPLAIN QUERY PLAN ${statement}`,
          ...Array.from({ length: statement.split('?').length - 1 }, () => 0),
        )
        .map(({ detail }) => detail);
      for (const detail of plan) {
        // `totals` has one row, `keyed` looks at nothing but rows with ordering keys.
        if (!/totals/.test(detail)) expect(detail, statement).toMatch(/^SEARCH parked USING PRIMARY KEY/);
      }
    }
    const keyed = driver.sql.all<{ count: number }>(
      'SELECT count(*) AS count FROM parked WHERE is_keyed = 1',
    );
    expect(keyed[0]!.count).toBe(0);
  });

  it('hold their ordering keys across a wake', () => {
    const driver = new QueueDriver(new NodeSql(), { retry: { schedule_ms: [1_000] } });
    const properties = { ordering_key: 'k'.repeat(500) };
    driver.publish([1, 2], properties);
    driver.settle(tagsOf(driver.deliver()), { kind: 'nack' });
    driver.reopen();
    expect(driver.deliver()).toEqual([]);
    driver.advance(1_000);
    expect(driver.deliver().map(({ body }) => body)).toEqual([1]);
  });

  it('count towards the length of a queue that refuses, also those that are only delayed', () => {
    const driver = new QueueDriver(new NodeSql(), { max_length: 3, overflow: 'reject-publish' });
    const { exceptions } = driver.publish([1, 2, 3, 4, 5], { delay_ms: 1_000 });
    expect(exceptions.map(({ index }) => index)).toEqual([3, 4]);
    expect(driver.publish([6]).exceptions).toEqual([{ index: 0, outcome: 'rejected' }]);
    driver.advance(1_000);
    expect(driver.counts).toMatchObject({ ready: 3, parked: 0 });
    driver.check();
  });
});
