/** Publishes through an exchange under random commands: each message once in the queue, whatever fails and however often it wakes. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isFailure } from '../../../../protocol/errors.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';
import { QueueDriver } from '../support/queue-driver.ts';

const SIZE = 6;

const attempt = fc.record({
  routed: fc.uniqueArray(fc.nat(SIZE - 1), { minLength: 1, maxLength: SIZE }),
  failAt: fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { arbitrary: fc.integer({ min: 1, max: 8 }), weight: 1 },
  ),
  reopens: fc.boolean(),
  delayed: fc.boolean(),
  takes: fc.constantFrom(0, 1, 4, 1_000),
});
const request = fc.record({
  producer: fc.nat(70),
  attempts: fc.array(attempt, { minLength: 1, maxLength: 4 }),
  givesUp: fc.boolean(),
});

it('stores each message once under random attempts, failing storage and memory that is lost', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 25 }), fc.boolean(), (requests, isBounded) => {
      const sql = new NodeSql();
      const driver = new QueueDriver(sql, isBounded ? { max_length: 5, overflow: 'reject-publish' } : {});
      const lines = new Map<number, { epoch: number; next: number }>();
      const seen: number[] = [];
      const confirmed = new Set<number>();
      const take = (max: number): number => {
        const deliveries = driver.deliver(max, '', true);
        seen.push(...deliveries.map(({ body }) => body as number));
        return deliveries.length;
      };
      for (const { producer: id, attempts, givesUp } of requests) {
        const line = lines.get(id) ?? { epoch: 0, next: 0 };
        lines.set(id, line);
        const range = { exchange: 'events', id, epoch: line.epoch, sequence: line.next, count: SIZE };
        for (const { routed, failAt, reopens, delayed, takes } of attempts) {
          const indexes = routed.toSorted((a, b) => a - b);
          const bodies = indexes.map((index) => id * 1e6 + line.epoch * 1e4 + line.next + index);
          const isWhole = indexes.length === SIZE;
          const publish = { range, indexes: isWhole ? null : indexes };
          sql.failAfter = failAt || Infinity;
          try {
            const answer = driver.tryPublish(bodies, delayed ? { delay_ms: 100 } : {}, { publish });
            expect(isFailure(answer)).toBe(false);
            if (!isFailure(answer)) {
              const rejected = answer.exceptions.flatMap(({ index, outcome }) =>
                outcome === 'rejected' ? [index] : [],
              );
              bodies.forEach((body, index) => rejected.includes(index) || confirmed.add(body));
            }
          } catch (error) {
            if (!String(error).includes('storage failed')) throw error;
          }
          sql.failAfter = Infinity;
          if (reopens) driver.reopen();
          if (takes > 0) take(takes);
          driver.check();
        }
        line.next += SIZE;
        if (givesUp) Object.assign(line, { epoch: line.epoch + 1, next: 0 });
      }
      for (let round = 0; round < 3; round++) {
        driver.advance(1_000);
        while (take(1_000) > 0);
      }
      expect(seen.toSorted((a, b) => a - b)).toEqual([...confirmed].toSorted((a, b) => a - b));
    }),
    { numRuns: Number(process.env['RUNS'] ?? 100) },
  );
});
