/** Steering of single messages over their rows: what becomes of neighbours, of keys, of ids, and of storage that fails. */

import { describe, expect, it } from 'vitest';
import { NodeSql } from '../../../support/broker/node-sql.ts';
import { QueueDriver } from '../support/queue-driver.ts';

const RETRY = { retry: { schedule_ms: [1_000, 2_000] } };

const cancel = (driver: QueueDriver, id: string, reason: string | null = null) =>
  driver.steer(id, (position) => ({
    do: 'cancel',
    position,
    error: reason === null ? null : { type: 'cancelled', message: reason },
  }));
const run = (driver: QueueDriver, id: string) => driver.steer(id, (position) => ({ do: 'run', position }));
const bodies = (driver: QueueDriver): unknown[] => driver.deliver().map(({ body }) => body);
const idOf = (driver: QueueDriver, body: number): string =>
  driver.list().find((one) => one.body === body)!.id;

function opened(config: ConstructorParameters<typeof QueueDriver>[1] = {}): QueueDriver {
  return new QueueDriver(new NodeSql(), config);
}

describe('messages that wait together in one row', () => {
  it('keep their ids when one of them goes, also after a restart', () => {
    const driver = opened();
    driver.publish([0, 1, 2, 3, 4], { delay_ms: 1_000 });
    const ids = driver.list().map(({ id }) => id);
    const rows = driver.rowsWrittenBy(() => expect(cancel(driver, ids[1]!).done!.outcome).toBe('cancelled'));
    expect(rows, 'the row of the messages, and the total').toBe(2);
    driver.reopen();
    expect(run(driver, ids[3]!).done!.outcome).toBe('ready');
    expect(driver.list().map(({ id, state }) => [id, state])).toEqual([
      [expect.any(String), 'ready'],
      ...[0, 2, 4].map((index) => [ids[index], 'delayed']),
    ]);
    expect(bodies(driver)).toEqual([3]);
    for (const index of [0, 2, 4]) cancel(driver, ids[index]!);
    expect(driver.counts).toMatchObject({ ready: 0, parked: 0, leased: 1 });
    expect(driver.queue.state.parkedBytes).toBe(0);
    expect(driver.sql.all('SELECT * FROM parked')).toEqual([]);
  });

  it('that is gone leave no id behind for messages that come at the same time', () => {
    const driver = opened();
    const late = { deliver_at: driver.nowMs + 60_000 };
    driver.publish([0], late);
    const [first] = driver.list();
    expect(cancel(driver, first!.id).done!.outcome).toBe('cancelled');
    driver.reopen();
    driver.publish([1], late);
    expect(cancel(driver, first!.id).refused).toBe('not_found');
    expect(driver.list().map(({ body }) => body)).toEqual([1]);
  });
});

describe('a message that waits for its next attempt', () => {
  it('frees its ordering key when it is cancelled, or run', () => {
    for (const steer of [cancel, run]) {
      const driver = opened(RETRY);
      driver.publish([0, 1], { ordering_key: 'k' });
      driver.settle([driver.deliver()[0]!.tag], { kind: 'nack' });
      expect(bodies(driver), 'the key waits').toEqual([]);
      driver.reopen();
      const { id, details } = driver.list().find(({ state }) => state === 'waiting')!;
      expect(details).toMatchObject({ delivery_count: 1, failed_attempts: 1 });
      steer(driver, id);
      expect(bodies(driver)).toEqual([steer === cancel ? 1 : 0]);
    }
  });

  it('says why it failed, and keeps its attempts when it is run, cancelled or passes others', () => {
    const driver = opened(RETRY);
    driver.publish([0, 1]);
    const [first] = driver.deliver(1);
    driver.settle([first!.tag], { kind: 'nack', error: { type: 'Boom', message: 'no' } });
    expect(driver.list().at(-1)!.details).toMatchObject({
      state: 'waiting',
      due_at: driver.nowMs + 1_000,
      last_error: { type: 'Boom', message: 'no' },
    });
    run(driver, idOf(driver, 0));
    const [again] = driver.deliver(1);
    expect(again).toMatchObject({ body: 0, count: 2 });
    driver.settle([again!.tag], { kind: 'nack' });
    expect(driver.list().at(-1)!.details).toMatchObject({ failed_attempts: 2, due_at: driver.nowMs + 2_000 });
    expect(cancel(driver, idOf(driver, 0), 'nobody wants it').done!.outcome).toBe('dead_lettered');
    expect(driver.drain()).toMatchObject([{ body: 0, target: '' }]);
  });

  it('is not made ready once its time to live is over', () => {
    const driver = opened({ ...RETRY, message_ttl_ms: 500 });
    driver.publish([0]);
    driver.settle([driver.deliver()[0]!.tag], { kind: 'nack' });
    driver.nowMs += 600;
    expect(run(driver, idOf(driver, 0)).done!.outcome).toBe('expired');
    expect(driver.list()).toEqual([]);
    expect(driver.drain()).toHaveLength(1);
  });
});

describe('a ready message', () => {
  it('that is run goes before all of its priority, and after higher ones', () => {
    const driver = opened({ max_priority: 2 });
    driver.publish([0, 1, 2]);
    driver.publish([10], { priority: 1 });
    const { done } = run(driver, idOf(driver, 2));
    expect(run(driver, done!.id).done).toEqual({ id: done!.id, outcome: 'unchanged' });
    driver.reopen();
    expect(bodies(driver)).toEqual([10, 2, 0, 1]);
  });

  it('keeps its number of deliveries where it was given back before', () => {
    const driver = opened();
    driver.publish([0, 1]);
    driver.settle([driver.deliver(2)[1]!.tag], { kind: 'release' });
    run(driver, idOf(driver, 1));
    expect(driver.deliver()).toMatchObject([{ body: 1, count: 2 }]);
  });

  it('with an ordering key passes no other, and can be cancelled', () => {
    const driver = opened();
    driver.publish([0, 1, 2], { ordering_key: 'k' });
    expect(run(driver, idOf(driver, 1)).refused).toBe('keyed');
    cancel(driver, idOf(driver, 0));
    expect(bodies(driver)).toEqual([1]);
  });

  it('that is leased is refused, with the end of its lease', () => {
    const driver = opened();
    driver.publish([0]);
    driver.deliver(1, 'c');
    const [{ id, details } = { id: '', details: {} }] = driver.list();
    const leasedUntilMs = driver.nowMs + driver.config.lease_ms;
    expect(details).toMatchObject({ consumer_id: 'c', lease_expires_at: leasedUntilMs, delivery_count: 1 });
    for (const steer of [cancel, run])
      expect(steer(driver, id)).toEqual({ refused: 'leased', leasedUntilMs });
    expect(driver.steer(id, (position) => ({ do: 'get', position })).page!.details).toEqual([details]);
  });
});

it('a cancellation that fails has done nothing, whichever call of the storage fails', () => {
  const driver = opened(RETRY);
  const sql = driver.sql as NodeSql;
  driver.publish([0, 1, 2, 3]);
  driver.publish([4, 5], { delay_ms: 500 });
  driver.settle([driver.deliver(1)[0]!.tag], { kind: 'nack' });
  let failures = 0;
  for (const steer of [cancel, run]) {
    for (const body of [0, 2, 4]) {
      const listed = driver.list();
      const { id } = listed.find((one) => one.body === body) ?? {};
      if (id === undefined) continue;
      for (let after = 1; ; after++) {
        sql.failAfter = after;
        try {
          steer(driver, id);
          break;
        } catch (error) {
          expect(String(error)).toContain('as the test asked for');
          failures += 1;
        } finally {
          sql.failAfter = Infinity;
        }
        expect(driver.list()).toEqual(listed);
        driver.check();
        driver.reopen();
      }
    }
  }
  expect(failures).toBeGreaterThan(10);
  expect(
    driver
      .list()
      .map(({ body }) => body)
      .sort(),
  ).toEqual([1, 3, 5]);
});
