import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueueConfig } from '../../../protocol/schemas/queues.ts';
import { runOfTag } from '../../../durable-objects/queue/deliver/settle-message.ts';
import { NodeSql } from '../../support/node-sql.ts';
import { QueueDriver, type TestDelivery } from './queue-driver.ts';

type Command =
  | { do: 'publish'; count: number; priority: number; key: number | null; delayMs: number; ttlMs: number }
  | { do: 'deliver'; max: number; consumer: string; autoAck: boolean }
  | {
      do: 'settle';
      pick: number;
      count: number;
      how: 'ack' | 'release' | 'reject' | 'nack' | 'retry' | 'extend';
    }
  | { do: 'advance'; ms: number }
  | { do: 'reopen' }
  | { do: 'fail'; after: number }
  | { do: 'replay'; limit: number | null }
  | { do: 'drain' }
  | { do: 'purge' };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(120)),
      priority: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(15, 16, 31), fc.nat(31)),
      key: fc.option(fc.integer({ min: 0, max: 2 }), { nil: null, freq: 2 }),
      delayMs: fc.constantFrom(0, 0, 0, 500, 5_000),
      ttlMs: fc.constantFrom(0, 0, 0, 0, 3_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      max: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(200)),
      consumer: fc.constantFrom('a', 'b'),
      autoAck: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      pick: fc.nat(1_000),
      count: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(150)),
      how: fc.constantFrom('ack', 'ack', 'ack', 'release', 'reject', 'nack', 'retry', 'extend' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 400, 4_000, 31_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fail' as const), after: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('replay' as const), limit: fc.constantFrom(null, 1, 7, 200) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drain' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const) }) },
);

const config: fc.Arbitrary<Partial<QueueConfig>> = fc.record({
  max_priority: fc.constantFrom(0, 2, 31),
  max_length: fc.constantFrom(null, null, 50),
  overflow: fc.constantFrom('drop-head', 'reject-publish', 'reject-publish-dlx' as const),
  message_ttl_ms: fc.constantFrom(null, null, 20_000),
  dead_letter: fc.constantFrom(null, 'none' as const),
  retry: fc.constantFrom<QueueConfig['retry'][]>(
    { schedule_ms: [1_000, 5_000, 30_000] },
    { schedule_ms: [] },
    { base_ms: 100, factor: 3, max_ms: 20_000, jitter: 0.5, attempts: 2 },
  ),
});

interface Known {
  key: number | null;
  priority: number;
  /** In the order of publishing. */
  number: number;
  delayed: boolean;
  state: 'held' | 'leased' | 'gone';
  tag: string | null;
}

class Model {
  readonly driver: QueueDriver;
  readonly sql = new NodeSql();
  readonly messages = new Map<number, Known>();
  readonly tags: string[] = [];
  /** What has left for another queue: each message once. */
  readonly left = new Map<number, string>();
  /** What was settled here. */
  readonly settled = new Set<number>();
  lastNumber = -1;
  readonly config: Partial<QueueConfig>;
  next = 0;

  constructor(given: Partial<QueueConfig>) {
    this.config = given;
    this.driver = new QueueDriver(this.sql, given);
  }

  run(step: Command): void {
    this[step.do](step as never);
    this.driver.check();
    const leased = [...this.messages.values()].filter(({ state }) => state === 'leased').length;
    expect(this.driver.counts.leased, 'leased, by the deliveries seen').toBe(leased);
  }

  publish({ count, priority, key, delayMs, ttlMs }: Extract<Command, { do: 'publish' }>): void {
    const bodies = Array.from({ length: count }, () => this.next++);
    const properties = {
      ...(priority > 0 && { priority }),
      ...(key !== null && { ordering_key: `k${key}` }),
      ...(delayMs > 0 && { delay_ms: delayMs }),
      ...(ttlMs > 0 && { expiration_ms: ttlMs }),
    };
    const { exceptions } = this.driver.publish(bodies, properties);
    const refused = new Set(exceptions.map(({ index }) => index));
    bodies.forEach((number, index) => {
      if (refused.has(index)) return;
      const capped = Math.min(priority, this.config.max_priority ?? 0);
      this.messages.set(number, {
        key,
        priority: capped,
        number,
        delayed: delayMs > 0,
        state: 'held',
        tag: null,
      });
    });
  }

  deliver({ max, consumer, autoAck }: Extract<Command, { do: 'deliver' }>): void {
    const deliveries = this.driver.deliver(max, consumer, autoAck);
    expect(deliveries.length).toBeLessThanOrEqual(max);
    this.#checkOrder(deliveries);
    for (const { tag, body, count } of deliveries) {
      const message = this.messages.get(body as number)!;
      expect(this.left.has(message.number), `message ${String(body)} has left`).toBe(false);
      expect(message.state, `message ${String(body)} is delivered`).toBe('held');
      expect(count).toBeGreaterThanOrEqual(1);
      if (message.key !== null && !autoAck) {
        const others = [...this.messages.values()].filter(
          (other) => other.key === message.key && other.state === 'leased',
        );
        expect(others, 'one in flight for each key').toEqual([]);
      }
      message.state = autoAck ? 'gone' : 'leased';
      if (autoAck) this.settled.add(message.number);
      message.tag = tag;
      this.tags.push(tag);
    }
  }

  /** Of fresh messages of one priority, without delay, those that were published first come first. */
  #checkOrder(deliveries: readonly TestDelivery[]): void {
    const last = new Map<string, number>();
    let priority = Infinity;
    for (const { body, count } of deliveries) {
      const message = this.messages.get(body as number)!;
      expect(message.priority, 'the highest priority first').toBeLessThanOrEqual(priority);
      priority = message.priority;
      if (count > 1 || message.delayed || message.key !== null) continue;
      const lane = String(message.priority);
      expect(message.number, 'in the order of publishing').toBeGreaterThan(last.get(lane) ?? -1);
      last.set(lane, message.number);
    }
  }

  settle({ pick, count, how }: Extract<Command, { do: 'settle' }>): void {
    if (this.tags.length === 0) return;
    const tags = Array.from({ length: Math.min(count, this.tags.length) }, (_, nth) => {
      return this.tags[(pick + nth) % this.tags.length]!;
    });
    const settlement =
      how === 'nack'
        ? { kind: 'nack' as const, delayMs: 0 }
        : how === 'retry'
          ? { kind: 'nack' as const }
          : how === 'extend'
            ? { kind: 'extend' as const, leaseMs: 10_000 }
            : { kind: how };
    this.driver.settle(tags, settlement).forEach((outcome, index) => {
      const message = [...this.messages.values()].find(({ tag }) => tag === tags[index]);
      const isLive = message?.state === 'leased';
      if (!isLive) {
        expect(['already_settled', 'lease_expired'], `a late ${how}`).toContain(outcome);
        return;
      }
      if (outcome === 'settled') this.settled.add(message.number);
      if (['settled', 'dead_lettered', 'dropped'].includes(outcome)) message.state = 'gone';
      else if (['requeued', 'parked'].includes(outcome)) message.state = 'held';
      else expect(outcome).toBe('extended');
    });
  }

  advance({ ms }: Extract<Command, { do: 'advance' }>): void {
    this.driver.advance(ms);
    this.#dropExpiredLeases();
  }

  /** Which leases time has ended is the queue's to say: a probe with each tag that extends by what is left would change it. */
  #dropExpiredLeases(): void {
    const live = new Set<string>();
    for (const lane of this.driver.queue.state.lanes) {
      for (const { extent, leases } of lane?.inFlight ?? []) {
        for (const { start, end } of leases) {
          for (let offset = start; offset < end; offset++) live.add(`${extent.lane}-${offset}`);
        }
      }
    }
    for (const message of this.messages.values()) {
      if (message.state !== 'leased') continue;
      const [, lane, offset] = message.tag!.split('-');
      if (!live.has(`${parseInt(lane!, 36)}-${parseInt(offset!, 36)}`)) message.state = 'held';
    }
  }

  reopen(): void {
    const before = { counts: this.driver.counts, next: this.#peek() };
    this.driver.reopen();
    expect({ counts: this.driver.counts, next: this.#peek() }).toEqual(before);
  }

  /** Storage fails at the n-th call of what is undone in any case: nothing has happened. */
  fail({ after }: Extract<Command, { do: 'fail' }>): void {
    const { queue, context } = this.driver;
    const runs = this.tags.slice(-5).map((tag) => runOfTag(tag, { kind: 'reject' }));
    const command = { max: 10, bytesMax: 1e9, leaseMs: 1_000, consumerId: 'c', autoAck: false };
    const before = { counts: this.driver.counts, next: this.#peek(), counters: { ...queue.state.counters } };
    this.sql.failAfter = after;
    expect(() =>
      queue.commit(() => {
        queue.settleRuns(runs, undefined, context);
        queue.deliver(command, context);
        queue.deliver({ ...command, autoAck: true }, context);
        throw new Error('storage failed, as the test asked for');
      }),
    ).toThrow('as the test asked for');
    this.sql.failAfter = Infinity;
    expect({ counts: this.driver.counts, next: this.#peek(), counters: { ...queue.state.counters } }).toEqual(
      before,
    );
  }

  purge(): void {
    this.driver.queue.commit(() => this.driver.queue.purge());
    expect(this.driver.counts).toMatchObject({ ready: 0, parked: 0 });
    for (const message of this.messages.values()) if (message.state === 'held') message.state = 'gone';
  }

  /** Ready messages leave, those that wait or are leased do not. */
  replay({ limit }: Extract<Command, { do: 'replay' }>): void {
    const before = this.driver.counts;
    const { moved, state } = this.driver.replay(limit);
    expect({ state, moved }).toEqual({ state: 'done', moved: Math.min(before.ready, limit ?? Infinity) });
    const { ready, leased, parked, outgoing } = this.driver.counts;
    expect({ ready, leased, parked, outgoing }).toEqual({
      ...before,
      ready: before.ready - moved,
      outgoing: before.outgoing + moved,
    });
    this.drain();
  }

  /** What leaves has a number of its own, was not settled here, and leaves once. */
  drain(): void {
    for (const { number, target, body } of this.driver.drain()) {
      const message = this.messages.get(body as number);
      expect(number, 'numbers only grow').toBeGreaterThan(this.lastNumber);
      this.lastNumber = number;
      expect(this.left.get(body as number), `message ${String(body)} has left before`).toBeUndefined();
      expect(this.settled.has(body as number), `message ${String(body)} is settled`).toBe(false);
      this.left.set(body as number, target);
      if (!message) continue; // refused when it was published
      expect(message.state, `message ${String(body)} leaves`).not.toBe('leased');
      message.state = 'gone';
    }
    expect(this.driver.counts.outgoing).toBe(0);
  }

  #peek(): unknown {
    return this.driver.queue
      .peek(20)
      .map(({ lane, records }) => [lane, records.map(({ offset, value }) => [offset, String(value)])]);
  }
}

describe('a stored queue under random commands', () => {
  it('loses nothing, leases once, never delivers what is settled, keeps order, and wakes as it slept', () => {
    fc.assert(
      fc.property(config, fc.array(command, { minLength: 1, maxLength: 60 }), (given, commands) => {
        const model = new Model(given);
        for (const step of commands) model.run(step);
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 300) },
    );
  });
});
