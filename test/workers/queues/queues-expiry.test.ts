/** Messages that come back after their time to live has passed leave by the alarm: nobody has to look. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { QueueClient, tagsOf } from '../../support/clients/queue-client.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its alarms are waited for' });
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

const TTL_MS = 600;
const past = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, TTL_MS + 100));

/** Waits for the dead letters, which are in a queue of their own: a look at the queue itself would let it run what is due. */
async function reasons(queue: string, count: number): Promise<(string | null)[]> {
  const letters = await queues.until(
    async () => (await queues.deadLetters(queue)).dead_letters ?? [],
    (found) => found.length >= count,
  );
  return letters.map(({ metadata }) => metadata.reason);
}

const kinds: Record<string, { declaration: object; properties: object }> = {
  'of the queue': { declaration: { message_ttl_ms: TTL_MS }, properties: {} },
  'of the message': { declaration: {}, properties: { expiration_ms: TTL_MS } },
};

describe.each(Object.entries(kinds))('a time to live %s', (kind, { declaration, properties }) => {
  const suffix = kind.replaceAll(' ', '-');
  const begin = async (name: string, fields: object, takeFields: object = {}) => {
    const queue = `${name}-${suffix}`;
    await queues.declare(queue, { lease_ms: 60_000, ...declaration, ...fields });
    await queues.publish(queue, [{ body: 1, properties }]);
    const taken = await queues.take(queue, takeFields);
    expect(taken).toHaveLength(1);
    return { queue, tag: tagsOf(taken)[0]! };
  };

  it('is held when the message is released', async () => {
    const { queue, tag } = await begin('released', {});
    await past();
    await queues.settle(queue, { release: [tag] });
    expect(await reasons(queue, 1)).toEqual(['expired']);
  });

  it('is held when it is released at once, and waits', async () => {
    const { queue, tag } = await begin('waiting', {});
    await queues.settle(queue, { nack: [{ tag, delay_ms: 0 }] });
    expect(await reasons(queue, 1)).toEqual(['expired']);
  });

  it('is held when its lease ends', async () => {
    const { queue } = await begin('lease', {}, { lease_ms: TTL_MS + 300 });
    expect(await reasons(queue, 1)).toEqual(['expired']);
  });

  it('is held when its retry is due', async () => {
    const { queue, tag } = await begin('retry', { retry: { schedule_ms: [TTL_MS + 300] } });
    await queues.settle(queue, { nack: [{ tag }] });
    expect(await reasons(queue, 1)).toEqual(['expired']);
  });

  it('is held though a younger message lies before it', async () => {
    const queue = `younger-${suffix}`;
    await queues.declare(queue, { lease_ms: 60_000 });
    await queues.publish(queue, [
      { body: 'long', properties: { expiration_ms: 60_000 } },
      { body: 'short', properties: { expiration_ms: TTL_MS } },
    ]);
    const taken = await queues.take(queue);
    await past();
    await queues.settle(queue, { release: tagsOf(taken) });
    expect(await reasons(queue, 1)).toEqual(['expired']);
  });
});

describe('a message of its own time to live', () => {
  it('leaves though a look for one of another priority is scheduled for later', async () => {
    await queues.declare('lanes', { max_priority: 5 });
    await queues.publish('lanes', [{ body: 1, properties: { expiration_ms: 60_000 } }]);
    await past();
    await queues.publish('lanes', [{ body: 2, properties: { expiration_ms: TTL_MS, priority: 5 } }]);
    expect(await reasons('lanes', 1)).toEqual(['expired']);
  });

  it('leaves when the younger one before it was taken', async () => {
    await queues.declare('head', { lease_ms: 60_000 });
    await queues.publish('head', [
      { body: 'long', properties: { expiration_ms: 60_000 } },
      { body: 'short', properties: { expiration_ms: TTL_MS * 3 } },
    ]);
    await past();
    expect(await queues.take('head', { max: 1 })).toHaveLength(1);
    expect(await reasons('head', 1)).toEqual(['expired']);
  });
});

describe('a queue that is deleted when nobody uses it', () => {
  const isThere = async (queue: string): Promise<boolean> =>
    (await broker.call('GET', `/v1/default/queues/${queue}`)).status === 200;
  const EXPIRES_MS = 2_000;

  it('counts from when a wait has ended, and not from when it began', async () => {
    await queues.declare('waited-for', { expires_ms: EXPIRES_MS });
    expect(await queues.take('waited-for', { wait_ms: EXPIRES_MS - 300 })).toEqual([]);
    const endMs = performance.now();
    await queues.publish('waited-for', [{ body: 1 }]);
    let lastMs = 0;
    await queues.until(
      async () => {
        const asked = performance.now() - endMs;
        const there = await isThere('waited-for');
        if (there) lastMs = asked;
        return there;
      },
      (there) => !there,
    );
    expect(lastMs).toBeGreaterThan(EXPIRES_MS - 300);
  });

  it('stays while somebody waits, and while messages are leased', async () => {
    await queues.declare('in-use', { expires_ms: 1_000, lease_ms: 2_500 });
    expect(await queues.take('in-use', { wait_ms: 2_500 })).toEqual([]);
    await queues.publish('in-use', [{ body: 1 }]);
    expect(await queues.take('in-use')).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await isThere('in-use')).toBe(true);
    await queues.until(
      () => isThere('in-use'),
      (there) => !there,
    );
  });
});
