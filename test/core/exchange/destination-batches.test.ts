/** Grouping of messages by destination, and of destinations by kind. */

import { expect, it } from 'vitest';
import type { Destination } from '../../../core/exchange/binding.ts';
import { batchesByDestination, namesByKind } from '../../../core/exchange/destination-batches.ts';

const queue = (name: string): Destination => ({ kind: 'queue', name });
const topic = (name: string): Destination => ({ kind: 'topic', name });

it('gives each destination its messages, in order', () => {
  expect(
    batchesByDestination([[queue('a'), topic('t')], [], [queue('b')], [topic('t'), queue('a')]]),
  ).toEqual([
    { destination: queue('a'), indexes: [0, 3] },
    { destination: topic('t'), indexes: [0, 3] },
    { destination: queue('b'), indexes: [2] },
  ]);
});

it('tells a queue from a topic of the same name', () => {
  expect(batchesByDestination([[queue('a'), topic('a')]])).toHaveLength(2);
});

it('makes no batch where nothing is taken', () => {
  expect(batchesByDestination([[], []])).toEqual([]);
});

it('names queues and topics apart, and leaves out exchanges', () => {
  expect(
    namesByKind(
      batchesByDestination([
        [queue('a'), topic('a')],
        [{ kind: 'exchange', name: 'x' }, queue('b')],
      ]),
    ),
  ).toEqual({
    queues: ['a', 'b'],
    topics: ['a'],
  });
});
