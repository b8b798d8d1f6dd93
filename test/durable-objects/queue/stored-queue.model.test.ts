import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueueConfig } from '../../../protocol/schemas/queues.ts';
import { runOfTag } from '../../../durable-objects/queue/deliver/settle-message.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { QueueDriver, type TestDelivery } from './support/queue-driver.ts';
import { command, config, type Command } from './support/random-commands.ts';

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

  /** Removes some of what is listed, and refuses what is leased. The ids of the others stay. */
  cancel({ pick, count, deadLetter }: Extract<Command, { do: 'cancel' }>): void {
    const listed = this.#list();
    const picked = pickOf(listed, pick, count);
    const before = this.driver.counts;
    for (const { id, body, state } of picked) {
      const error = deadLetter ? { type: 'cancelled', message: 'by the test' } : null;
      const { done, refused } = this.driver.steer(id, (position) => ({ do: 'cancel', position, error }));
      expect(refused, `${state} message ${body}`).toBe(state === 'leased' ? 'leased' : undefined);
      if (!done) continue;
      const isKept = deadLetter && this.config.dead_letter !== 'none';
      expect(done).toEqual({ id, outcome: isKept ? 'dead_lettered' : 'cancelled' });
      if (!isKept) this.messages.get(body)!.state = 'gone';
      const again = this.driver.steer(id, (position) => ({ do: 'cancel', position, error }));
      expect(again.refused).toBe('not_found');
    }
    const gone = picked.filter(({ state }) => state !== 'leased').map(({ id }) => id);
    expect(this.#list()).toEqual(listed.filter(({ id }) => !gone.includes(id)));
    const { ready, parked } = this.driver.counts;
    expect(ready + parked).toBe(before.ready + before.parked - gone.length);
    this.drain();
  }

  runNow({ pick, count }: Extract<Command, { do: 'runNow' }>): void {
    for (const { id, body, state } of pickOf(this.#list(), pick, count)) {
      const { done, refused } = this.driver.steer(id, (position) => ({ do: 'run', position }));
      if (state === 'leased') expect(refused).toBe('leased');
      else if (refused === 'keyed')
        expect([state, this.messages.get(body)!.key === null]).toEqual(['ready', false]);
      else expect(refused).toBeUndefined();
      if (done === undefined) continue;
      const message = this.messages.get(body)!;
      message.delayed = true; // it may come before others, which were published first
      if (done.outcome === 'unchanged') expect(done.id).toBe(id);
      if (done.outcome === 'expired') expect(state).not.toBe('ready');
      const now = this.#list().find((one) => one.id === done.id);
      const isHeld = done.outcome !== 'expired' && this.config.max_length === null;
      if (isHeld) expect(now).toMatchObject({ body, state: 'ready' });
    }
  }

  /** All messages, as a list of many pages shows them: as many of each state as the queue counts. */
  #list(): { id: string; body: number; state: string }[] {
    const listed = this.driver.list(60);
    const countOf = (...states: string[]) => listed.filter(({ state }) => states.includes(state)).length;
    const { ready, leased, parked } = this.driver.counts;
    expect({
      ready: countOf('ready'),
      leased: countOf('leased'),
      parked: countOf('waiting', 'delayed'),
    }).toEqual({
      ready,
      leased,
      parked,
    });
    expect(new Set(listed.map(({ id }) => id)).size, 'ids are of one message each').toBe(listed.length);
    for (const { body, state } of listed) {
      const { settled, left } = this;
      expect(settled.has(body) || left.has(body), `message ${body} is listed`).toBe(false);
      expect(this.messages.get(body)!.state === 'leased', `message ${body}`).toBe(state === 'leased');
    }
    return listed;
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

  /** Messages of some states leave, and no others. */
  move({ limit, states }: Extract<Command, { do: 'move' }>): void {
    const listed = this.#list();
    const before = this.driver.counts;
    const moved = this.driver.move({ limit, states });
    const meant = listed.filter(({ state }) => (states as string[]).includes(state));
    expect(moved).toBe(Math.min(meant.length, limit ?? Infinity));
    const { leased, outgoing } = this.driver.counts;
    expect({ leased, outgoing }).toEqual({ leased: before.leased, outgoing: before.outgoing + moved });
    const stay = new Set(this.#list().map(({ id }) => id));
    const gone = listed.filter(({ id }) => !stay.has(id));
    expect(gone).toEqual(meant.slice(0, moved));
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

function pickOf<Item>(items: readonly Item[], pick: number, count: number): Item[] {
  const indexes = Array.from(
    { length: Math.min(count, items.length) },
    (_, nth) => (pick + nth) % items.length,
  );
  return indexes.map((index) => items[index]!);
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
