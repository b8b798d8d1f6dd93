/** Hand-over to queues and partitions: what is stored, and what is said if it is not. */

import { describe, expect, it } from 'vitest';
import {
  addressedBatches,
  type DestinationAddress,
} from '../../../core/topology/routing/destination-addresses.ts';
import { handOver, isGone } from '../../../durable-objects/forwarding/hand-over.ts';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import { FakeBroker } from './fake-broker.ts';

const BATCH = encodeBatch([{ key: null, value: new TextEncoder().encode('1'), timestamp: 0, headers: [] }]);
const SOURCE = { name: 'sender', firstNumber: 1 };

function setUp(kind: 'queue' | 'topic') {
  const broker = new FakeBroker();
  const target = kind === 'queue' ? broker.queue('a') : broker.topic('a', { partitions: 1 });
  const definitions = {
    queues: new Map([...broker.queues].map(([name, { definition }]) => [name, definition])),
    topics: new Map([...broker.topics].map(([name, { definition }]) => [name, definition])),
  };
  const batch = { destination: { kind, name: 'a' }, indexes: [0] };
  const [addressed] = addressedBatches(
    definitions,
    batch,
    () => null,
    () => 0,
  );
  const address: DestinationAddress = addressed!.destination;
  return { broker, target, send: () => handOver(broker.env, address, BATCH, SOURCE) };
}

describe.each(['queue', 'topic'] as const)('a %s', (kind) => {
  it('stores what it is handed', async () => {
    const { target, send } = setUp(kind);
    expect(await send()).toBeNull();
    expect(target.stored.flat()).toEqual(['1']);
  });

  it('whose definition has changed is told of it, and called once more', async () => {
    const { broker, target, send } = setUp(kind);
    broker.change(target);
    expect(await send()).toBeNull();
    expect(target.stored.flat()).toEqual(['1']);
    expect(broker.calls.map((call) => call.split(' ')[0])).toEqual([
      broker.calls[0]!.split(' ')[0],
      kind,
      'tell',
      broker.calls[0]!.split(' ')[0],
    ]);
  });

  it('that changes again meanwhile is unavailable for now', async () => {
    const { broker, target, send } = setUp(kind);
    broker.change(target);
    const { definition } = target;
    Object.defineProperty(target, 'definition', {
      get: () => ({ ...definition, version: broker.calls.at(-1)?.startsWith(kind) ? 90 : 91 }),
    });
    expect((await send())?.code).toMatch(/_unavailable$/);
    expect(target.stored.flat()).toEqual([]);
  });

  it('that was deleted is gone', async () => {
    const { broker, send } = setUp(kind);
    broker.queues.clear();
    broker.topics.clear();
    const failed = await send();
    expect(failed?.code).toBe(`${kind}_not_found`);
    expect(isGone(failed)).toBe(true);
  });

  it('that was deleted and made again gets nothing that was meant for the one before', async () => {
    const { broker, send } = setUp(kind);
    const again = kind === 'queue' ? broker.queue('a') : broker.topic('a', { partitions: 1 });
    expect(isGone(await send())).toBe(true);
    expect(again.stored.flat()).toEqual([]);
  });

  it('that does not answer is unavailable, whichever call fails', async () => {
    for (const call of [1, 2, 3, 4]) {
      const { broker, target, send } = setUp(kind);
      broker.change(target);
      broker.failAt = { call, isAfter: false };
      const failed = await send();
      expect(failed?.code, `call ${call}`).toMatch(/_unavailable$/);
      expect(isGone(failed)).toBe(false);
    }
  });
});

it('says that a queue is full', async () => {
  const { target, send } = setUp('queue');
  Object.assign(target, { isFull: true });
  expect((await send())?.code).toBe('queue_full');
});
