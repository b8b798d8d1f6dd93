/** Moves over their rows: each message leaves once, whatever fails, and only what was there when the move began. */

import { describe, expect, it } from 'vitest';
import type { MoveOrder } from '../../../../core/queue/messages/move.ts';
import { parseMessageId } from '../../../../core/queue/messages/message-id.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';
import { QueueDriver } from '../support/queue-driver.ts';

const ORDER: MoveOrder = {
  id: 'm',
  filter: {},
  states: ['ready', 'waiting', 'delayed'],
  positions: null,
  to: { queue: 'other' },
  limit: null,
  ratePerS: null,
};

const begin = (driver: QueueDriver, changes: Partial<MoveOrder> = {}) =>
  driver.queue.commit(
    () =>
      driver.queue.messages.answer({ do: 'move', order: { ...ORDER, ...changes } }, driver.nowMs).moves![0]!,
  );
const slice = (driver: QueueDriver): number | null =>
  driver.queue.commit(() => driver.queue.deadLetters.replay(driver.nowMs));
const moves = (driver: QueueDriver) =>
  driver.queue.commit(() => driver.queue.messages.answer({ do: 'moves' }, driver.nowMs).moves!);
const left = (driver: QueueDriver): unknown[] => driver.drain().map(({ body }) => body);
const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, n) => from + n);

function mixed(): QueueDriver {
  const driver = new QueueDriver(new NodeSql(), { retry: { schedule_ms: [60_000] }, max_priority: 2 });
  driver.publish([90, 91]);
  driver.settle([driver.deliver(1)[0]!.tag], { kind: 'nack' }); // 90 waits
  driver.deliver(1); // 91 is leased
  driver.publish(upTo(700));
  driver.publish([80], { priority: 1 });
  driver.publish(upTo(600, 1_000), { delay_ms: 5_000 });
  return driver;
}

describe('a move', () => {
  it('takes each message once, in the order of delivery, whichever call of the storage fails', () => {
    const driver = mixed();
    const sql = driver.sql as NodeSql;
    begin(driver);
    const seen: unknown[] = [];
    let failures = 0;
    for (let n = 1, isDone = false; !isDone; n++) {
      sql.failAfter = n;
      try {
        isDone = slice(driver) === null;
        n = 0; // the next slice fails at its first call, its second, ...
      } catch (error) {
        expect(String(error)).toContain('as the test asked for');
        failures += 1;
      }
      sql.failAfter = Infinity;
      driver.check();
      if (failures % 3 === 0) driver.reopen();
      const { ready, parked, outgoing } = driver.counts;
      expect(ready + parked + outgoing + seen.length).toBe(1_302);
      if (failures % 5 === 0) seen.push(...left(driver));
    }
    seen.push(...left(driver));
    expect(failures).toBeGreaterThan(10);
    expect(seen).toEqual([80, ...upTo(700), ...upTo(600, 1_000), 90]);
    expect(moves(driver)).toMatchObject([{ state: 'done', moved: 1_302, total: 1_303 }]);
    expect(driver.counts).toMatchObject({ ready: 0, parked: 0, leased: 1 });
  });

  it('goes on where it was when the object is gone, and takes nothing that came later', () => {
    const driver = new QueueDriver(new NodeSql());
    driver.publish(upTo(600));
    begin(driver);
    expect(slice(driver)).not.toBeNull();
    driver.publish([-1]);
    driver.publish([-2], { delay_ms: 1 });
    do driver.reopen();
    while (slice(driver) !== null);
    expect(left(driver)).toEqual(upTo(600));
    expect(driver.list().map(({ body }) => body)).toEqual([-1, -2]);
  });

  it('is begun once, however often the order comes, and stops when it is cancelled', () => {
    const driver = mixed();
    begin(driver, { ratePerS: 100 });
    slice(driver);
    expect(begin(driver, { ratePerS: 1 })).toMatchObject({ moved: 100, ratePerS: 100 });
    const cancel = () =>
      driver.queue.commit(() => driver.queue.messages.answer({ do: 'cancelMove', id: 'm' }, driver.nowMs))
        .moves!;
    expect(cancel()).toMatchObject([{ state: 'cancelled', moved: 100 }]);
    expect(cancel()).toMatchObject([{ state: 'cancelled', moved: 100 }]);
    expect(slice(driver)).toBeNull();
    driver.nowMs += 5_000;
    expect(slice(driver)).toBeNull();
    expect(left(driver)).toHaveLength(100);
  });

  it('with a rate takes as many as a second allows', () => {
    const driver = mixed();
    begin(driver, { ratePerS: 10, limit: 25 });
    const counts: number[] = [];
    for (let next: number | null = 0; next !== null; driver.nowMs = next ?? driver.nowMs) {
      next = slice(driver);
      counts.push(left(driver).length);
    }
    expect(counts).toEqual([10, 10, 5]);
  });

  it.each([
    ['states', { states: ['waiting' as const] }, [90]],
    ['a list', { limit: 2, states: ['delayed' as const] }, [1_000, 1_001]],
  ])('takes only what the order means: %s', (_, changes, bodies) => {
    const driver = mixed();
    const { counted } = driver.queue.commit(() =>
      driver.queue.messages.answer(
        { do: 'count', order: { ...ORDER, ...changes }, after: null },
        driver.nowMs,
      ),
    );
    expect(counted!.count).toBeGreaterThanOrEqual(bodies.length);
    begin(driver, changes);
    while (slice(driver) !== null);
    expect(left(driver)).toEqual(bodies);
  });

  it('of named messages takes those, and skips what is leased or gone', () => {
    const driver = mixed();
    const listed = driver.list();
    const idOf = (body: number): string => listed.find((one) => one.body === body)!.id;
    const ids = [5, 90, 91, 1_003].map(idOf);
    driver.steer(idOf(5), (position) => ({ do: 'cancel', position, error: null }));
    const positions = ids.map((id) => parseMessageId(7, id)!);
    begin(driver, { positions });
    while (slice(driver) !== null);
    expect(left(driver).toSorted()).toEqual([1_003, 90]);
    expect(moves(driver)).toMatchObject([{ state: 'done', total: 4, moved: 2, skipped: 2, lookedAt: 4 }]);
    driver.check();
  });

  it('of a message that waits frees its ordering key', () => {
    const driver = new QueueDriver(new NodeSql(), { retry: { schedule_ms: [60_000] } });
    driver.publish([1, 2], { ordering_key: 'k' });
    driver.settle([driver.deliver()[0]!.tag], { kind: 'nack' });
    begin(driver, { states: ['waiting'] });
    while (slice(driver) !== null);
    expect(left(driver)).toEqual([1]);
    expect(driver.deliver().map(({ body }) => body)).toEqual([2]);
  });

  it('and a replay do not see each other', () => {
    const driver = mixed();
    begin(driver);
    const { replays } = driver.queue.commit(() => driver.queue.deadLetters.answer({ do: 'replays' }, 0));
    expect(replays).toEqual([]);
    const { id } = moves(driver)[0]!;
    const cancelled = driver.queue.commit(() => driver.queue.deadLetters.answer({ do: 'cancel', id }, 0));
    expect(cancelled.replays).toEqual([]);
  });
});
