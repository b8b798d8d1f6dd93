/** A queue with damaged rows: it starts, delivers what is sound, and the rest dies with reason `damaged`. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { QueueDriver } from './support/queue-driver.ts';

beforeEach(() => void vi.spyOn(console, 'error').mockReturnValue(undefined));
afterEach(() => void vi.restoreAllMocks());

/** Flips a bit in the second of three batches of two messages, which lie in one row. */
function damaged(place: number, config: object = {}): QueueDriver {
  const sql = new NodeSql();
  const driver = new QueueDriver(sql, { retry: { schedule_ms: [] }, ...config });
  driver.publish([0, 1]);
  const [{ bytes }] = sql.all<{ bytes: number }>('SELECT bytes FROM segments') as [{ bytes: number }];
  driver.publish([2, 3]);
  driver.publish([4, 5]);
  const [row] = sql.all<{ data: Uint8Array }>('SELECT data FROM segments');
  const data = row!.data.slice();
  data[bytes + place]! ^= 1;
  sql.run('UPDATE segments SET data = ?', data);
  driver.reopen();
  return driver;
}

const PLACES = [6, 11, 16, 18, 22, 24, 60, 68];

it.each(PLACES)('delivers the neighbours of a batch whose byte %i is damaged, which dies', (place) => {
  const driver = damaged(place);
  expect(driver.queue.peek(10).flatMap(({ records }) => records.map(({ offset }) => offset))).toEqual([
    0, 1, 4, 5,
  ]);
  const delivered = driver.deliver();
  expect(delivered.map(({ body }) => body)).toEqual([0, 1, 4, 5]);
  driver.settle(
    delivered.map(({ tag }) => tag),
    { kind: 'ack' },
  );
  driver.check();
  expect(driver.counts).toMatchObject({ ready: 0, leased: 0, outgoing: 2 });
  const left = driver.drain();
  expect(left.map(({ target }) => target)).toHaveLength(2);
  // The first carries the bytes that are left of the batch.
  expect(left[0]!.body).toHaveProperty('$base64');
  expect(left[1]!.body).toBeNull();
});

it.each([{ message_ttl_ms: 1_000 }, { max_length: 1, overflow: 'drop-head' as const }])(
  'removes damaged messages as others do by %j',
  (config) => {
    const driver = damaged(68, config);
    driver.advance(5_000);
    driver.publish([6]);
    driver.check();
    expect(driver.deliver().map(({ body }) => body)).toEqual([6]);
  },
);

it('settles at once without delivering what is damaged', () => {
  const driver = damaged(68);
  expect(driver.deliver(1_000, '', true).map(({ body }) => body)).toEqual([0, 1, 4, 5]);
  driver.check();
  expect(driver.counts).toMatchObject({ ready: 0, leased: 0, outgoing: 2 });
});

it('comes back from damage in a row of parked messages', () => {
  const sql = new NodeSql();
  const driver = new QueueDriver(sql);
  driver.publish([0, 1], { delay_ms: 500 });
  const [row] = sql.all<{ data: Uint8Array }>('SELECT data FROM parked');
  const data = row!.data.slice();
  data[68]! ^= 1;
  sql.run('UPDATE parked SET data = ?', data);
  driver.reopen();
  driver.advance(1_000);
  expect(driver.deliver()).toEqual([]);
  driver.check();
  expect(driver.counts).toMatchObject({ ready: 0, leased: 0, parked: 0, outgoing: 2 });
});
