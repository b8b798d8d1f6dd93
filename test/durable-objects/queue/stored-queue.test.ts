import { describe, expect, it } from 'vitest';
import { runOfTag } from '../../../durable-objects/queue/deliver/settle-message.ts';
import { cpuMsOf } from '../../support/cpu-time.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { QueueDriver } from './support/queue-driver.ts';

const filler = (count: number): string[] => Array.from({ length: count }, () => 'x'.repeat(100));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
const tagsOf = (deliveries: { tag: string }[]): string[] => deliveries.map(({ tag }) => tag);

describe('the rows that a queue writes', () => {
  for (const count of [1, 100, 1_000]) {
    it(`are 3 for publish, deliver and ack of ${count}`, () => {
      const driver = new QueueDriver(new NodeSql());
      for (let round = 0; round < 20; round++) {
        const rows = driver.rowsWrittenBy(() => {
          driver.publish(filler(count));
          const deliveries = driver.deliver();
          expect(deliveries).toHaveLength(count);
          driver.settle(tagsOf(deliveries), { kind: 'ack' });
        });
        expect(rows).toBe(3);
      }
    });
  }

  it('are one for each priority that a batch has, and none for the backlog', () => {
    const driver = new QueueDriver(new NodeSql(), { max_priority: 9 });
    for (const priority of [0, 4, 9]) {
      expect(driver.rowsWrittenBy(() => driver.publish(filler(100), { priority }))).toBe(1);
    }
    for (let i = 0; i < 100; i++) driver.publish(filler(100));
    expect(driver.sql.all('SELECT * FROM delivery')).toEqual([]);
  });

  it('are bounded for messages taken and settled one by one out of a batch', () => {
    const driver = new QueueDriver(new NodeSql());
    driver.publish(filler(100));
    const rows = driver.rowsWrittenBy(() => {
      for (let i = 0; i < 100; i++) driver.settle(tagsOf(driver.deliver(1)), { kind: 'ack' });
    });
    expect(rows).toBeLessThanOrEqual(200);
    expect(driver.counts).toMatchObject({ ready: 0, leased: 0 });
  });

  it('are two for a batch that is parked together, itself and the total, and do not keep free rows for ever', () => {
    const driver = new QueueDriver(new NodeSql());
    expect(driver.rowsWrittenBy(() => driver.publish(filler(100), { delay_ms: 1_000 }))).toBe(2);
    driver.advance(1_001);
    expect(driver.counts).toMatchObject({ ready: 100, parked: 0 });
    driver.settle(tagsOf(driver.deliver()), { kind: 'ack' });
    for (let i = 0; i < 200; i++) driver.publish(filler(400));
    const held = Array.from({ length: 8 }, () => tagsOf(driver.deliver(10_000))).flat();
    expect(held).toHaveLength(80_000);
    driver.settle(held, { kind: 'ack' });
    expect(driver.sql.all('SELECT * FROM segments')).toEqual([]);
    expect(driver.sql.all('SELECT * FROM delivery').length).toBeLessThanOrEqual(33);
  });
});

describe('a queue with a backlog of a million', () => {
  it('wakes and delivers at once, and costs the same', () => {
    const driver = new QueueDriver(new NodeSql());
    const batch = filler(10_000);
    for (let i = 0; i < 100; i++) driver.publish(batch);
    driver.deliver(1);
    const cpuMs = cpuMsOf(() => {
      driver.reopen();
      expect(driver.deliver(1)).toHaveLength(1);
    });
    expect(driver.counts).toMatchObject({ ready: 999_998, leased: 2 });
    expect(cpuMs).toBeLessThan(200);
    const rowsRead = driver.sql.all<{ count: number }>('SELECT count(*) AS count FROM delivery');
    expect(rowsRead[0]!.count).toBe(1);
  });
});

describe('offsets of a lane', () => {
  it('go on after it has run empty, across restarts', () => {
    const driver = new QueueDriver(new NodeSql());
    const seen = new Set<string>();
    for (let round = 0; round < 50; round++) {
      driver.publish(numbers(3));
      const tags = tagsOf(driver.deliver());
      for (const tag of tags) {
        expect(seen.has(tag)).toBe(false);
        seen.add(tag);
      }
      driver.settle(tags, { kind: 'ack' });
      if (round % 3 === 0) driver.reopen();
      if (round % 7 === 0) driver.queue.commit(() => driver.queue.purge());
    }
  });

  it('go on after a purge behind messages that are leased', () => {
    const driver = new QueueDriver(new NodeSql());
    driver.publish(filler(400));
    const held = tagsOf(driver.deliver(10));
    driver.publish(filler(400));
    driver.publish(filler(400));
    driver.queue.commit(() => driver.queue.purge());
    driver.reopen();
    expect(driver.counts).toMatchObject({ ready: 0, leased: 10 });
    driver.publish(['after']);
    const [after] = driver.deliver();
    expect(after!.body).toBe('after');
    expect(parseInt(after!.tag.split('-')[2]!, 36)).toBe(1_200);
    expect(driver.settle(held, { kind: 'ack' })).toEqual(Array(10).fill('settled'));
  });
});

describe('a queue whose storage fails', () => {
  it('has done all of a commit or nothing, whichever call failed', () => {
    let failures = 0;
    for (let n = 1, done = false; !done; n++) {
      const sql = new NodeSql();
      const driver = new QueueDriver(sql, { max_priority: 3 });
      driver.publish(numbers(50));
      const held = tagsOf(driver.deliver(20));
      const { queue, context } = driver;
      const before = driver.counts;
      sql.failAfter = n;
      try {
        const runs = held.map((tag, index) =>
          runOfTag(tag, ([{ kind: 'ack' }, { kind: 'reject' }, { kind: 'nack' }] as const)[index % 3]!),
        );
        queue.commit(() => {
          queue.settleRuns(runs, undefined, context);
          queue.deliver({ max: 5, bytesMax: 1e9, leaseMs: 1_000, consumerId: '', autoAck: true }, context);
        });
        done = true;
      } catch (error) {
        expect(String(error)).toContain('storage failed');
        failures += 1;
      }
      sql.failAfter = Infinity;
      const after = done ? { ready: 25, leased: 0, parked: 6, outgoing: 7 } : before;
      expect(driver.counts).toEqual(after);
      driver.check();
      driver.reopen();
      expect(driver.counts).toEqual(after);
    }
    expect(failures).toBeGreaterThan(3);
  });
});

describe('dead letters that come twice', () => {
  it('are stored once, by their numbers', () => {
    const driver = new QueueDriver(new NodeSql());
    const source = (firstNumber: number) => ({ source: { name: 'other#1', firstNumber } });
    driver.publish(numbers(3), {}, source(100));
    driver.reopen();
    const { exceptions } = driver.publish(numbers(3), {}, source(100));
    expect(exceptions.map(({ outcome }) => outcome)).toEqual(['duplicate', 'duplicate', 'duplicate']);
    driver.publish(numbers(4), {}, source(101));
    expect(driver.counts.ready).toBe(5);
  });
});
