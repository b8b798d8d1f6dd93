/** Settling runs is settling each of their messages: two queues with the same history, one settled each way. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Settlement } from '../../../core/queue/settle/settle.ts';
import { formatTag } from '../../../protocol/frames/delivery-tag.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { QueueDriver } from './support/queue-driver.ts';

const SETTLEMENTS: Settlement[] = [
  { kind: 'ack' },
  { kind: 'ack' },
  { kind: 'ack' },
  { kind: 'nack', delayMs: 0 },
  { kind: 'nack' },
  { kind: 'reject' },
  { kind: 'release' },
  { kind: 'extend', leaseMs: 5_000 },
];

const steps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('publish' as const),
      count: fc.integer({ min: 1, max: 30 }),
      isKeyed: fc.boolean(),
    }),
    fc.record({
      do: fc.constant('deliver' as const),
      max: fc.integer({ min: 1, max: 40 }),
      by: fc.constantFrom('a', 'b'),
    }),
    fc.record({
      do: fc.constant('settle' as const),
      start: fc.nat(80),
      count: fc.integer({ min: 1, max: 40 }),
      delivery: fc.integer({ min: 1, max: 3 }),
      how: fc.constantFrom(...SETTLEMENTS),
      by: fc.constantFrom(undefined, 'a', 'b'),
    }),
    fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 1_000, 40_000) }),
    fc.record({ do: fc.constant('reopen' as const) }),
  ),
  { maxLength: 30 },
);

it('gives the same outcomes, counts and deliveries as settling each message', () => {
  fc.assert(
    fc.property(steps, (commands) => {
      const byRun = new QueueDriver(new NodeSql());
      const byTag = new QueueDriver(new NodeSql());
      for (const command of commands) {
        const [left, right] = [byRun, byTag].map((driver): unknown => {
          switch (command.do) {
            case 'publish': {
              const bodies = Array.from({ length: command.count }, (_, body) => body);
              return driver.publish(bodies, command.isKeyed ? { ordering_key: 'k' } : {});
            }
            case 'deliver':
              return driver.deliver(command.max, command.by);
            case 'advance':
              return driver.advance(command.ms);
            case 'reopen':
              return driver.reopen();
            case 'settle': {
              const { start, count, delivery, how, by } = command;
              const run = { queueId: 7, lane: 0, start, end: start + count, delivery, settlement: how };
              if (driver === byRun) {
                return driver.queue.commit(() => driver.queue.settleRuns([run], by, driver.context));
              }
              return Array.from({ length: count }, (_, nth) => {
                const tag = formatTag({ queueId: 7, lane: 0, offset: start + nth, delivery });
                return driver.settle([tag], how, by)[0];
              });
            }
          }
        });
        expect(left).toEqual(right);
        byRun.check();
        expect(byRun.counts).toEqual(byTag.counts);
        expect(byRun.queue.state.counters).toEqual(byTag.queue.state.counters);
      }
    }),
    { numRuns: 300 },
  );
});
