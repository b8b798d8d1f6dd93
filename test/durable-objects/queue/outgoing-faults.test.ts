/** Dead letters and retries if storage fails or a clock goes back: what the simulation has found. */

import { expect, it } from 'vitest';
import { NO_TOTALS } from '../../../durable-objects/queue/rows/parked-store.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { QueueDriver } from './support/queue-driver.ts';

function deadLetter(driver: QueueDriver): void {
  driver.publish([1]);
  const [delivery] = driver.deliver(1);
  driver.settle([delivery!.tag], { kind: 'reject' });
}

it('gives dead letters growing numbers when the clock goes back between two wakes', () => {
  const driver = new QueueDriver(new NodeSql());
  const numbers: number[] = [];
  for (let round = 0; round < 4; round++) {
    deadLetter(driver);
    const row = driver.queue.nextOutbox()!;
    numbers.push(row.number);
    driver.queue.removeOutbox(row, NO_TOTALS.discarded);
    expect(driver.queue.nextOutbox()).toBeNull();
    expect(driver.queue.outgoing).toBe(0);
    driver.nowMs -= 60_000;
    driver.reopen();
    expect(driver.queue.outgoing).toBe(0);
  }
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(driver.sql.all('SELECT number FROM outbox')).toEqual([]);
});

it('does not count a dead letter again that was sent after a commit had failed', () => {
  const sql = new NodeSql();
  const driver = new QueueDriver(sql);
  deadLetter(driver);
  const row = driver.queue.nextOutbox()!;
  sql.failAfter = 1;
  expect(() => driver.publish([2])).toThrow('storage failed');
  sql.failAfter = Infinity;
  driver.queue.removeOutbox(row, NO_TOTALS.discarded);
  expect(driver.queue.state.leased).toBe(0);
  expect(driver.queue.outgoing).toBe(0);
});

it('knows without a look at the storage when a message that was parked is due', () => {
  const sql = new NodeSql();
  const driver = new QueueDriver(sql);
  driver.publish([1], { delay_ms: 5_000 });
  driver.publish([2], { delay_ms: 9_000 });
  sql.failAfter = 1;
  expect(driver.queue.takeNextParked()).toBe(driver.nowMs + 5_000);
  expect(driver.queue.takeNextParked()).toBe(Infinity);
});
