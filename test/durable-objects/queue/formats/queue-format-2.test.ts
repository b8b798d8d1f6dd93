/** A queue that was stored before queues knew producers. */

import { expect, it } from 'vitest';
import { QueueStore } from '../../../../durable-objects/queue/rows/queue-store.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';
import { QueueDriver } from '../support/queue-driver.ts';

it('opens with all that it had, and takes sequences from then on', () => {
  const sql = new NodeSql();
  const driver = new QueueDriver(sql, { retry: { schedule_ms: [5_000] } });
  driver.publish([1, 2, 3]);
  driver.publish([4], { delay_ms: 9_000 });
  driver.deliver(1);
  const { counts } = driver;
  for (const table of ['segments', 'totals']) sql.run(`ALTER TABLE ${table} DROP COLUMN producers`);
  sql.run('UPDATE queue SET format = 2');

  sql.failAfter = 4;
  expect(() => new QueueStore(sql).readQueue()).toThrow('storage failed');
  sql.failAfter = Infinity;
  expect(new QueueStore(sql).readQueue()).toMatchObject({ definition: { name: 'q' }, isPaused: false });
  expect(sql.all('SELECT format FROM queue')).toEqual([{ format: 3 }]);
  driver.reopen();
  expect(driver.counts).toEqual(counts);
  for (const properties of [{}, { delay_ms: 9_000 }]) {
    const producer = { id: 7, epoch: properties.delay_ms ?? 0, sequence: 0 };
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(driver.publish([5], properties, { producer })).toEqual({ count: 1, exceptions: [] });
      driver.reopen();
    }
  }
  expect(driver.counts).toEqual({ ...counts, ready: counts.ready + 1, parked: counts.parked + 1 });
});
