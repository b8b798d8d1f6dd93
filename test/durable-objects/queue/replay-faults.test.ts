/** Replays whose storage fails at every call, and whose object is gone between any two slices. */

import { describe, expect, it } from 'vitest';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { QueueDriver } from './support/queue-driver.ts';

const MESSAGES = 1_200;

function begin(driver: QueueDriver, id = 'r', ratePerS: number | null = null): void {
  const order = {
    id,
    filter: { any: true as const },
    ids: null,
    to: { queue: 'other' },
    limit: null,
    ratePerS,
  };
  driver.queue.commit(() => driver.queue.deadLetters.answer({ do: 'replay', order }, driver.nowMs));
}

function filled(): { driver: QueueDriver; sql: NodeSql } {
  const sql = new NodeSql();
  const driver = new QueueDriver(sql);
  driver.publish(Array.from({ length: MESSAGES }, (_, number) => number));
  begin(driver);
  return { driver, sql };
}

const slice = (driver: QueueDriver): number | null =>
  driver.queue.commit(() => driver.queue.deadLetters.replay(driver.nowMs));

describe('a replay', () => {
  it('moves each message once, whichever call of the storage fails', () => {
    let failures = 0;
    const { driver, sql } = filled();
    const seen: unknown[] = [];
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
      const { ready, outgoing } = driver.counts;
      expect(ready + outgoing + seen.length).toBe(MESSAGES);
      if (failures % 5 === 0) seen.push(...driver.drain().map(({ body }) => body));
    }
    seen.push(...driver.drain().map(({ body }) => body));
    expect(failures).toBeGreaterThan(10);
    expect(seen).toEqual(Array.from({ length: MESSAGES }, (_, number) => number));
  });

  it('goes on where it was when the object is gone, and takes nothing that came later', () => {
    const { driver } = filled();
    expect(slice(driver)).not.toBeNull();
    driver.publish(['late']);
    while (true) {
      driver.reopen();
      if (slice(driver) === null) break;
    }
    expect(driver.drain()).toHaveLength(MESSAGES);
    expect(driver.deliver().map(({ body }) => body)).toEqual(['late']);
  });

  it('looks at no more than it said, though consumers give back what they hold', () => {
    const driver = new QueueDriver(new NodeSql());
    driver.publish([1, 2, 3]);
    const held = driver.deliver(1).map(({ tag }) => tag);
    begin(driver);
    driver.settle(held, { kind: 'release' });
    slice(driver);
    const [row] = driver.sql.all<{ json: string }>('SELECT json FROM replays');
    expect(JSON.parse(row!.json)).toMatchObject({ total: 3, lookedAt: 3, moved: 3 });
  });

  it('waits while too much of it is still on its way', () => {
    const driver = new QueueDriver(new NodeSql());
    driver.publish(Array.from({ length: 10_000 }, (_, number) => number));
    begin(driver);
    for (let slices = 0; slices < 50; slices++) slice(driver);
    expect(driver.counts.outgoing).toBe(5_000);
    expect(driver.sql.all('SELECT * FROM outbox')).toHaveLength(10);
  });
});

describe('a replay at a rate', () => {
  function begun(...rates: (number | null)[]): QueueDriver {
    const driver = new QueueDriver(new NodeSql());
    driver.publish(Array.from({ length: 600 }, (_, number) => number));
    for (const [index, ratePerS] of rates.entries()) begin(driver, `r${index}`, ratePerS);
    return driver;
  }
  const movedBy = (driver: QueueDriver, id: string): number => {
    const { replays } = driver.queue.commit(() =>
      driver.queue.deadLetters.answer({ do: 'replays' }, driver.nowMs),
    );
    return replays!.find((replay) => replay.id === id)!.moved;
  };

  it('keeps it though the object starts anew', () => {
    const driver = begun(2);
    for (let second = 1; second <= 3; second++) {
      for (let starts = 0; starts < 5; starts++) {
        driver.reopen();
        slice(driver);
      }
      expect(movedBy(driver, 'r0')).toBe(2 * second);
      driver.nowMs += 1_000;
    }
  });

  it('keeps it beside one without', () => {
    const driver = begun(2, null);
    for (let slices = 0; slices < 5; slices++) slice(driver);
    expect([movedBy(driver, 'r0'), movedBy(driver, 'r1')]).toEqual([2, 598]);
  });

  it('goes on where the clock has gone back', () => {
    const driver = begun(2);
    driver.nowMs += 3_600_000;
    slice(driver);
    driver.nowMs -= 3_000_000;
    expect(slice(driver)).toBe(driver.nowMs + 1_000);
    expect(movedBy(driver, 'r0')).toBe(4);
  });
});

describe('dead letters on their way', () => {
  it('have numbers that no wake gives again, whatever the clock says', () => {
    const driver = new QueueDriver(new NodeSql(), { retry: { schedule_ms: [] } });
    let last = -1;
    for (let round = 0; round < 5; round++) {
      driver.publish(Array.from({ length: 2_000 }, (_, number) => number));
      driver.settle(
        driver.deliver(5_000).map(({ tag }) => tag),
        { kind: 'nack' },
      );
      for (const { number } of driver.drain()) {
        expect(number).toBeGreaterThan(last);
        last = number;
      }
      driver.nowMs -= 60_000;
      driver.reopen();
    }
  });
});
