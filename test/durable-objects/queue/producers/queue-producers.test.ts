/** Publishes with sequences: stored once, and for no row more than without. */

import { describe, expect, it } from 'vitest';
import { PRODUCER_IDLE_MS } from '../../../../core/producers/sequences.ts';
import { CHANGED_MAX } from '../../../../durable-objects/queue/rows/producer-rows.ts';
import type { PublishOptions } from '../../../../durable-objects/rpc/queue.ts';
import { isFailure } from '../../../../protocol/errors.ts';
import type { MessageProperties } from '../../../../protocol/schemas/messages.ts';
import type { QueueConfig } from '../../../../protocol/schemas/queues.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';
import { QueueDriver } from '../support/queue-driver.ts';

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, at) => from + at);
const by = (sequence: number, { id = 7, epoch = 0 } = {}): PublishOptions => ({
  producer: { id, epoch, sequence },
});
const stored = (count: number) => ({ count, exceptions: [] });
const codeOf = (answer: ReturnType<QueueDriver['tryPublish']>): string | null =>
  isFailure(answer) ? answer.code : null;
const snapshots = ({ sql }: QueueDriver): number => {
  const [table] = sql.all("SELECT 1 FROM sqlite_master WHERE name = 'producers'");
  return table ? sql.all('SELECT * FROM producers').length : 0;
};

describe('a publish of a producer', () => {
  it('is stored once, and a repetition gets its answer, also after the queue was emptied and has woken', () => {
    const driver = new QueueDriver(new NodeSql());
    for (const sequence of numbers(10))
      expect(driver.publish([sequence], {}, by(sequence))).toEqual(stored(1));
    expect(driver.deliver(100, '', true).map(({ body }) => body)).toEqual(numbers(10));
    for (let wake = 0; wake < 2; wake++) {
      for (const sequence of numbers(5, 5)) {
        expect(driver.publish([sequence], {}, by(sequence))).toEqual(stored(1));
      }
      expect(codeOf(driver.tryPublish([4], {}, by(4)))).toBe('out_of_order_sequence'); // six ago
      expect(driver.counts.ready).toBe(0);
      driver.reopen();
    }
    driver.publish([10], {}, by(10));
    expect(driver.deliver().map(({ body }) => body)).toEqual([10]);
  });

  it('is refused after a gap, from a producer that is unknown, and of an epoch that was replaced', () => {
    const driver = new QueueDriver(new NodeSql());
    expect(codeOf(driver.tryPublish([0], {}, by(3)))).toBe('unknown_producer');
    driver.publish(numbers(4), {}, by(0));
    expect(codeOf(driver.tryPublish([9], {}, by(5)))).toBe('out_of_order_sequence');
    expect(codeOf(driver.tryPublish([9], {}, by(1, { epoch: 1 })))).toBe('out_of_order_sequence');
    driver.publish([9], {}, by(0, { epoch: 1 }));
    expect(codeOf(driver.tryPublish([4], {}, by(4)))).toBe('producer_fenced');
    expect(codeOf(driver.tryPublish(numbers(4), {}, by(0)))).toBe('producer_fenced');
    expect(driver.counts.ready).toBe(5);
  });

  it('that comes twice in one commit is stored once, and those that follow in it are taken in order', () => {
    const driver = new QueueDriver(new NodeSql());
    const one = new QueueDriver(new NodeSql());
    const bytes = one.bytesOf(['a', 'b']);
    const answers = driver.queue.commit(() => {
      const all = [by(0), by(0), by(2), by(6), by(2)].map((options) =>
        driver.queue.publish(bytes.slice(), options, driver.context),
      );
      driver.queue.store();
      return all;
    });
    expect(answers.map((answer) => (isFailure(answer) ? answer.code : answer.count))).toEqual([
      2,
      2,
      2,
      'out_of_order_sequence',
      2,
    ]);
    expect(driver.counts.ready).toBe(4);
  });

  it('is told again which messages were known by their ids and which were refused', () => {
    const config = { max_length: 6, overflow: 'reject-publish' as const, dedup_window_ms: 60_000 };
    const driver = new QueueDriver(new NodeSql(), config);
    driver.publish(['x'], { message_id: 'same' });
    const answer = driver.publish(numbers(4), { message_id: 'other' }, by(0));
    expect(answer).toEqual({
      count: 4,
      exceptions: [1, 2, 3].map((index) => ({ index, outcome: 'duplicate' })),
    });
    const refused = driver.publish(numbers(8), {}, by(4));
    expect(refused).toEqual({
      count: 8,
      exceptions: numbers(4, 4).map((index) => ({ index, outcome: 'rejected' })),
    });
    driver.deliver(100, '', true); // there is room now
    driver.reopen();
    expect(driver.publish(numbers(4), { message_id: 'other' }, by(0))).toEqual(answer);
    expect(driver.publish(numbers(8), {}, by(4))).toEqual(refused);
    expect(driver.counts.ready).toBe(0);
    expect(driver.publish(numbers(4), {}, by(12))).toEqual(stored(4));
  });

  it('that was refused whole has not happened: it is taken under the same sequence when there is room', () => {
    for (const overflow of ['reject-publish', 'reject-publish-dlx'] as const) {
      const driver = new QueueDriver(new NodeSql(), { max_length: 2, overflow });
      driver.publish([0, 1], {}, by(0));
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(driver.publish([2, 3], {}, by(2)).exceptions).toHaveLength(2);
        expect(codeOf(driver.tryPublish([4], {}, by(4)))).toBe('out_of_order_sequence');
      }
      driver.deliver(100, '', true);
      expect(driver.publish([2, 3], {}, by(2))).toEqual(stored(2));
    }
  });

  it('of which all messages are known by their ids uses up its sequences, for as long as the queue is awake', () => {
    const driver = new QueueDriver(new NodeSql(), { dedup_window_ms: 60_000 });
    driver.publish(['x'], { message_id: 'same' }, by(0));
    const again = { count: 1, exceptions: [{ index: 0, outcome: 'duplicate' }] };
    expect(driver.rowsWrittenBy(() => driver.publish(['x'], { message_id: 'same' }, by(1)))).toBe(0);
    expect(driver.publish(['x'], { message_id: 'same' }, by(1))).toEqual(again);
    driver.reopen();
    expect(codeOf(driver.tryPublish([2], {}, by(2)))).toBe('out_of_order_sequence');
    expect(driver.publish(['x'], { message_id: 'same' }, by(1))).toEqual(again);
    driver.publish([9]); // the next row has it
    driver.reopen();
    expect(driver.publish([2], {}, by(2))).toEqual(stored(1));
  });

  it('is known whatever became of its messages: parked, expired, purged, failed, or dead', () => {
    const ways: Record<string, (driver: QueueDriver) => void> = {
      purged: ({ queue }) => void queue.commit(() => queue.purge()),
      expired: (driver) => driver.advance(100_000),
      dead: (driver) => {
        const tags = driver.deliver().map(({ tag }) => tag);
        driver.settle(tags, { kind: 'reject' });
        driver.drain();
      },
      failed: (driver) => {
        const tags = driver.deliver().map(({ tag }) => tag);
        driver.settle(tags, { kind: 'nack' });
        driver.advance(1_000);
        driver.deliver(100, '', true);
      },
    };
    for (const properties of [{}, { delay_ms: 10 }, { priority: 3 }, { ordering_key: 'k' }] as const) {
      for (const [way, act] of Object.entries(ways)) {
        const driver = new QueueDriver(new NodeSql(), {
          max_priority: 5,
          message_ttl_ms: 50_000,
          retry: { schedule_ms: [500] },
        });
        driver.publish(['a', 'b'], properties, by(0));
        if (way !== 'purged') driver.advance(10);
        act(driver);
        driver.reopen();
        const { counts } = driver;
        expect(driver.publish(['a', 'b'], properties, by(0)), way).toEqual(stored(2));
        expect(driver.counts, way).toEqual(counts);
        expect(driver.publish(['c'], properties, by(2))).toEqual(stored(1));
      }
    }
  });
});

describe('the rows that sequences cost', () => {
  interface Case {
    config?: Partial<QueueConfig>;
    properties?: MessageProperties[];
    backlog?: number;
  }
  const cases: Record<string, Case> = {
    drained: {},
    'with a backlog': { backlog: 5_000 },
    'of priorities': { config: { max_priority: 9 }, properties: [{ priority: 9 }, {}, { priority: 4 }] },
    delayed: { properties: [{ delay_ms: 100 }] },
    'delayed and not': { properties: [{ delay_ms: 100 }, {}] },
    'with keys': { properties: [{ ordering_key: 'k' }] },
    'with message ids': { config: { dedup_window_ms: 60_000 }, properties: [{}] },
  };
  for (const [name, { config, properties = [{}], backlog = 0 }] of Object.entries(cases)) {
    for (const count of [1, 100]) {
      it(`are none for publish, deliver and ack of ${count}, ${name}`, () => {
        const rowsOf = (isSequenced: boolean): number => {
          const driver = new QueueDriver(new NodeSql(), { ...config });
          for (let left = backlog; left > 0; left -= 500) driver.publish(numbers(500));
          return driver.rowsWrittenBy(() => {
            for (const round of numbers(30)) {
              const options = isSequenced ? by(round * count) : {};
              driver.publish(numbers(count), properties[round % properties.length], options);
              driver.advance(60);
              const taken = driver.deliver(count).map(({ tag }) => tag);
              driver.settle(taken, { kind: 'ack' });
            }
          });
        };
        expect(rowsOf(true)).toBe(rowsOf(false));
      });
    }
  }

  it('are few bytes, and none for a queue without producers', () => {
    const driver = new QueueDriver(new NodeSql());
    const longest = (): number => {
      const [row] = driver.sql.all<{ length: number | null }>(
        'SELECT max(length(producers)) AS length FROM segments',
      );
      return row!.length ?? 0;
    };
    for (const round of numbers(20)) driver.publish([round]);
    expect(longest()).toBe(0);
    for (const round of numbers(20)) driver.publish(numbers(100), {}, by(round * 100));
    expect(longest()).toBeLessThan(100);
  });

  it('are one for each 64 producers that are new in turn', () => {
    const driver = new QueueDriver(new NodeSql());
    const plain = new QueueDriver(new NodeSql());
    const rowsOf = (one: QueueDriver, isSequenced: boolean): number =>
      one.rowsWrittenBy(() => {
        for (const id of numbers(1_000)) one.publish([id], {}, isSequenced ? by(0, { id }) : {});
      });
    const snapshotCount = Math.floor(1_000 / (CHANGED_MAX + 1));
    const more = rowsOf(driver, true) - rowsOf(plain, false);
    expect([0, 1]).toContain(more - snapshotCount); // the table is made with the first
    driver.reopen();
    for (const id of numbers(1_000)) driver.publish([id], {}, by(0, { id }));
    expect(driver.counts.ready).toBe(1_000);
  });
});

describe('a producer', () => {
  it('is forgotten after seven idle days, and goes on with any epoch from sequence 0', () => {
    const driver = new QueueDriver(new NodeSql());
    driver.publish([0], {}, by(0));
    driver.nowMs += PRODUCER_IDLE_MS - 1;
    driver.publish([0], {}, by(0)); // known still
    expect(driver.counts.ready).toBe(1);
    driver.nowMs += 1;
    expect(codeOf(driver.tryPublish([1], {}, by(1)))).toBe('unknown_producer');
    driver.publish([1], {}, by(0, { epoch: 1 }));
    for (const id of numbers(100, 100)) driver.publish([id], {}, by(0, { id }));
    expect(snapshots(driver)).toBe(1);
    driver.nowMs += PRODUCER_IDLE_MS;
    for (const id of numbers(100, 300)) driver.publish([id], {}, by(0, { id }));
    const [row] = driver.sql.all<{ json: string }>('SELECT json FROM producers');
    expect((JSON.parse(row!.json) as unknown[]).length).toBeLessThanOrEqual(100);
  });

  it('with very many exceptions does not fill the rows of others', () => {
    const config = { dedup_window_ms: 60_000 };
    const driver = new QueueDriver(new NodeSql(), config);
    for (const id of numbers(40)) {
      const bytes = driver.bytesOf(numbers(4_000), (at) => ({ message_id: `${id} ${at - (at % 3)}` }));
      driver.queue.commit(() => {
        driver.queue.publish(bytes, by(0, { id }), driver.context);
        driver.queue.store();
      });
    }
    const [row] = driver.sql.all<{ length: number }>('SELECT max(length(producers)) AS length FROM segments');
    expect(row!.length).toBeLessThanOrEqual(16 * 1024);
    driver.reopen();
    const bytes = driver.bytesOf(numbers(4_000), (at) => ({ message_id: `0 ${at - (at % 3)}` }));
    const answer = driver.queue.commit(() => driver.queue.publish(bytes, by(0, { id: 0 }), driver.context));
    expect(isFailure(answer) ? answer : answer.exceptions.length).toBe(2_666);
  });
});
