/** Publishes with sequences under random commands: stored once each, whatever fails and however often the queue wakes. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
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
const codeOf = (answer: ReturnType<QueueDriver['tryPublish']>): string | null =>
  isFailure(answer) ? answer.code : null;

/** What a client knows of a producer: the publishes of its epoch that were taken, and what it heard of them. */
interface Known {
  epoch: number;
  next: number;
  taken: { sequence: number; count: number; bodies: number[]; exceptions: number }[];
}

const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      id: fc.nat(90),
      count: fc.integer({ min: 1, max: 12 }),
      how: fc.constantFrom('new', 'new', 'new', 'again', 'gap', 'old', 'next epoch'),
      properties: fc.constantFrom<MessageProperties>(
        {},
        {},
        { delay_ms: 300 },
        { priority: 2 },
        { priority: 16 },
        { priority: 31 },
        { ordering_key: 'k' },
        { expiration_ms: 100_000_000 },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crowd' as const), from: fc.nat(60) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('plain' as const), count: fc.constantFrom(1, 3, 400) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('take' as const), max: fc.constantFrom(1, 5, 1_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), max: fc.constantFrom(1, 5) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 400, 2_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('break' as const), after: fc.integer({ min: 1, max: 12 }) }),
  },
);

it('stores each publish once under random commands, failing storage and memory that is lost', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), fc.boolean(), (commands, isBounded) => {
      const sql = new NodeSql();
      const config: Partial<QueueConfig> = {
        max_priority: 31,
        retry: { schedule_ms: [500, 500, 500] },
        ...(isBounded && { max_length: 40, overflow: 'reject-publish' }),
      };
      const driver = new QueueDriver(sql, config);
      const known = new Map<number, Known>();
      const seen = new Map<number, number>();
      let body = 0;
      let storedCount = 0;
      /** False if storage failed: then nothing has happened. */
      const tried = (action: () => void): boolean => {
        try {
          action();
          return true;
        } catch (error) {
          if (!String(error).includes('storage failed')) throw error;
          sql.failAfter = Infinity;
          return false;
        } finally {
          driver.check();
        }
      };
      const publish = (id: number, count: number, how: string, properties: MessageProperties): void => {
        const own = known.get(id) ?? { epoch: 0, next: 0, taken: [] };
        const again = own.taken[Math.floor(own.taken.length / 2)];
        const isOld = how === 'old' && own.epoch > 0;
        const epoch = own.epoch + (how === 'next epoch' ? 1 : 0) - (isOld ? 1 : 0);
        const isFirst = epoch > own.epoch;
        const bodies = how === 'again' && again ? again.bodies : numbers(count, body);
        const sequence =
          how === 'again' && again ? again.sequence : isFirst ? 0 : own.next + (how === 'gap' ? 1 : 0);
        body += count;
        const before = driver.counts;
        let answer: ReturnType<QueueDriver['tryPublish']> | undefined;
        if (!tried(() => (answer = driver.tryPublish(bodies, properties, by(sequence, { id, epoch })))))
          return;
        const expected =
          how === 'again' && again
            ? null
            : isOld
              ? 'producer_fenced'
              : how === 'gap'
                ? known.has(id)
                  ? 'out_of_order_sequence'
                  : 'unknown_producer'
                : null;
        expect(codeOf(answer!)).toBe(expected);
        if (isFailure(answer!) || answer === undefined) return expect(driver.counts).toEqual(before);
        if (how === 'again' && again) {
          expect(answer).toEqual({ count: again.bodies.length, exceptions: expect.anything() });
          expect(answer.exceptions).toHaveLength(again.exceptions);
          return expect(driver.counts).toEqual(before);
        }
        const refused = answer.exceptions.length;
        storedCount += count - refused;
        for (const { index } of answer.exceptions) seen.set(bodies[index]!, -1);
        if (refused === count) return;
        const taken = { sequence, count, bodies, exceptions: refused };
        known.set(id, {
          epoch,
          next: sequence + count,
          taken: [...(isFirst ? [] : own.taken), taken].slice(-5),
        });
      };
      const take = (max: number): number => {
        let taken = 0;
        tried(() => {
          const deliveries = driver.deliver(max, '', true);
          taken = deliveries.length;
          for (const { body: value } of deliveries)
            seen.set(value as number, (seen.get(value as number) ?? 0) + 1);
        });
        return taken;
      };
      for (const step of commands) {
        if (step.do === 'publish') publish(step.id, step.count, step.how, step.properties);
        if (step.do === 'crowd') for (const id of numbers(40, step.from)) publish(id, 1, 'new', {});
        if (step.do === 'plain') {
          const bodies = numbers(step.count, body);
          body += step.count;
          tried(() => {
            const { exceptions } = driver.publish(bodies);
            storedCount += step.count - exceptions.length;
          });
        }
        if (step.do === 'take') take(step.max);
        if (step.do === 'fail') {
          tried(() => {
            const tags = driver.deliver(step.max).map(({ tag }) => tag);
            if (tags.length > 0) driver.settle(tags, { kind: 'nack' });
          });
        }
        if (step.do === 'advance') tried(() => driver.advance(step.ms));
        if (step.do === 'purge') {
          tried(() => {
            storedCount -= driver.queue.commit(() => driver.queue.purge());
          });
        }
        if (step.do === 'reopen') {
          sql.failAfter = Infinity;
          driver.reopen();
        }
        if (step.do === 'break') sql.failAfter = step.after;
      }
      sql.failAfter = Infinity;
      for (const id of known.keys()) publish(id, 1, 'again', {});
      driver.reopen();
      for (const id of known.keys()) publish(id, 1, 'again', {});
      for (let round = 0; round < 8; round++) {
        driver.advance(40_000);
        while (take(1_000) > 0);
      }
      expect(Math.max(0, ...seen.values())).toBeLessThanOrEqual(1);
      const lastly = [...seen.values()].filter((times) => times === 1).length;
      expect(lastly + driver.counts.outgoing).toBe(storedCount);
    }),
    { numRuns: Number(process.env['RUNS'] ?? 150) },
  );
});
