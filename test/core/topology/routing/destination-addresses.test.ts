/** Destination addresses: which queue or partitions store the messages of a destination. */

import { expect, it } from 'vitest';
import {
  addressedBatches,
  type Definitions,
} from '../../../../core/topology/routing/destination-addresses.ts';
import { QUEUE_DEFAULTS } from '../../../../protocol/schemas/queues.ts';
import { TOPIC_DEFAULTS } from '../../../../protocol/schemas/topics.ts';

const KEYS = [null, new Uint8Array([1]), null, new Uint8Array([2])];
const queue = { namespace: 'n', name: 'a', id: 3, version: 4, config: QUEUE_DEFAULTS };
const topic = { namespace: 'n', name: 'a', id: 5, version: 6, config: { ...TOPIC_DEFAULTS, partitions: 8 } };
const known: Definitions = { queues: new Map([['a', queue]]), topics: new Map([['a', topic]]) };

const addressed = (kind: 'queue' | 'topic' | 'exchange', name: string) =>
  addressedBatches(
    known,
    { destination: { kind, name }, indexes: [0, 1, 2, 3] },
    (index) => KEYS[index]!,
    (partitions) => partitions - 1,
  );

it('a queue stores all of them', () => {
  const place = { namespace: 'n', name: 'a', id: 3 };
  expect(addressed('queue', 'a')).toEqual([
    { destination: { kind: 'queue', place, version: 4 }, indexes: [0, 1, 2, 3] },
  ]);
});

it('each partition of a topic stores its own, and one those without a key', () => {
  const batches = addressed('topic', 'a');
  expect(batches.flatMap(({ indexes }) => indexes).sort()).toEqual([0, 1, 2, 3]);
  const [keyless] = batches;
  expect(keyless!.indexes).toEqual([0, 2]);
  expect(keyless!.destination).toMatchObject({ kind: 'topic', version: 6, partition: 7, place: { id: 5 } });
});

it('nothing stores what is meant for a destination that was deleted', () => {
  expect(addressed('queue', 'gone')).toEqual([]);
  expect(addressed('topic', 'gone')).toEqual([]);
  expect(addressed('exchange', 'a')).toEqual([]);
});
