/** A queue that an earlier version has stored: its messages, the parked ones and the dead letters are all there. */

import { expect, it } from 'vitest';
import { QueueStore } from '../../../../durable-objects/queue/rows/queue-store.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';
import { QueueDriver } from '../support/queue-driver.ts';

/** The tables of format 1 that have changed since. */
const TABLES_OF_FORMAT_1 = [
  `CREATE TABLE parked (
     due_ms INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     lane INTEGER NOT NULL,
     count INTEGER NOT NULL,
     data BLOB NOT NULL,
     PRIMARY KEY (due_ms, seq)
   ) WITHOUT ROWID`,
  'CREATE TABLE outbox (number INTEGER PRIMARY KEY, count INTEGER NOT NULL, data BLOB NOT NULL)',
];

/** Puts the rows into the tables that they had. */
function toFormat1(sql: NodeSql): void {
  sql.run('ALTER TABLE parked RENAME TO new_parked');
  sql.run('ALTER TABLE outbox RENAME TO new_outbox');
  for (const statement of TABLES_OF_FORMAT_1) sql.run(statement);
  sql.run('INSERT INTO parked SELECT due_ms, seq, lane, count, data FROM new_parked');
  sql.run('INSERT INTO outbox SELECT number, count, data FROM new_outbox');
  for (const table of ['new_parked', 'new_outbox', 'totals', 'replays']) sql.run(`DROP TABLE ${table}`);
  sql.run('ALTER TABLE segments DROP COLUMN producers');
  sql.run('UPDATE queue SET format = 1');
}

function queueWithAll(sql: NodeSql): QueueDriver {
  const driver = new QueueDriver(sql, { retry: { schedule_ms: [5_000] } });
  driver.publish([1, 2, 3]);
  driver.publish([4], { delay_ms: 9_000 });
  driver.publish([5], { delay_ms: 9_000, ordering_key: 'k' });
  const [first, second] = driver.deliver(2);
  driver.settle([first!.tag], { kind: 'reject' });
  driver.settle([second!.tag], { kind: 'nack' });
  return driver;
}

it('opens, with what was ready, parked, and on its way', () => {
  const sql = new NodeSql();
  const driver = queueWithAll(sql);
  const { counts } = driver;
  expect(counts).toEqual({ ready: 1, leased: 0, parked: 3, outgoing: 1 });
  const [{ number } = { number: 0 }] = sql.all<{ number: number }>('SELECT number FROM outbox');
  toFormat1(sql);

  expect(new QueueStore(sql).readQueue()).toMatchObject({ definition: { name: 'q' }, isPaused: false });
  driver.reopen();
  expect(driver.counts).toEqual(counts);
  expect(driver.drain()).toEqual([{ number, target: '', body: 1 }]);
  driver.advance(9_000);
  expect(
    driver
      .deliver()
      .map(({ body }) => body)
      .toSorted(),
  ).toEqual([2, 3, 4, 5]);
  driver.reopen();
  expect(driver.counts).toEqual({ ready: 0, leased: 4, parked: 0, outgoing: 0 });
});

it('is as it was where storage fails in the middle of it, at any statement', () => {
  const sql = new NodeSql();
  const driver = queueWithAll(sql);
  const { counts } = driver;
  toFormat1(sql);
  let failures = 0;
  for (;;) {
    sql.failAfter = failures + 1;
    try {
      new QueueStore(sql).readQueue();
      break;
    } catch (error) {
      expect(String(error)).toContain('storage failed');
      failures += 1;
    }
  }
  sql.failAfter = Infinity;
  expect(failures).toBeGreaterThan(10);
  driver.reopen();
  expect(driver.counts).toEqual(counts);
});
