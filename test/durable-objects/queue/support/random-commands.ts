/** Random commands and settings of a queue, for the test against a model. */

import fc from 'fast-check';
import type { MovedState } from '../../../../core/queue/messages/move.ts';
import type { QueueConfig } from '../../../../protocol/schemas/queues.ts';

export type Command =
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
  | { do: 'cancel'; pick: number; count: number; deadLetter: boolean }
  | { do: 'runNow'; pick: number; count: number }
  | { do: 'move'; limit: number | null; states: MovedState[] }
  | { do: 'purge' };

export const command: fc.Arbitrary<Command> = fc.oneof(
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
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('cancel' as const),
      pick: fc.nat(1_000),
      count: fc.constantFrom(1, 1, 3),
      deadLetter: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('runNow' as const),
      pick: fc.nat(1_000),
      count: fc.constantFrom(1, 1, 3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      limit: fc.constantFrom(null, 1, 7, 200),
      states: fc.subarray<MovedState>(['ready', 'waiting', 'delayed'], { minLength: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const) }) },
);

export const config: fc.Arbitrary<Partial<QueueConfig>> = fc.record({
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
