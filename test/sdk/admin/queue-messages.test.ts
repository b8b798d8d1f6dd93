/** Single messages of a queue in the SDK, also where a reply is lost. */

import { describe, expect, it } from 'vitest';
import { brokerForTests, collect, errorOf } from '../harness.ts';

const broker = brokerForTests();

/** A `fetch` that loses the reply to the first request of a method, after the broker has answered it. */
function losing(method: string): typeof fetch {
  let isLost = false;
  return async (url, init) => {
    const reply = await fetch(url, init);
    if (isLost || init?.method !== method) return reply;
    isLost = true;
    await reply.arrayBuffer();
    throw new TypeError('the connection was lost, as the test asked for');
  };
}

describe('the messages of a queue', () => {
  it('are listed, read, run and cancelled', async () => {
    const { queueMessages, publisher, queues } = bound();
    const queue = await broker.queue();
    await using sender = publisher();
    await sender.sendToQueue(queue, { body: 1 });
    await sender.sendToQueue(queue, { body: 2, properties: { delayMs: 3_600_000, messageId: 'a b&c' } });
    const [ready, delayed] = await collect(queueMessages.list(queue));
    expect(ready).toMatchObject({
      state: 'ready',
      deliveryCount: 0,
      dueAt: null,
      consumerId: null,
      lastError: null,
    });
    expect(ready!.message.body).toBe(1);
    expect(delayed).toMatchObject({ state: 'delayed', message: { properties: { messageId: 'a b&c' } } });
    expect(await collect(queueMessages.list(queue, { state: 'ready', messageId: 'a b&c' }))).toEqual([]);
    const found = await collect(queueMessages.list(queue, { messageId: 'a b&c' }));
    expect(found).toEqual([delayed]);
    expect(await queueMessages.get(queue, delayed!.id)).toEqual(delayed);
    const run = await queueMessages.runNow(queue, delayed!.id);
    expect(run.outcome).toBe('ready');
    expect((await queueMessages.get(queue, run.id!)).message.body).toBe(2);
    expect(await queueMessages.cancel(queue, run.id!)).toEqual({ id: run.id, outcome: 'cancelled' });
    const kept = await queueMessages.cancel(queue, ready!.id, {
      deadLetter: { reason: 'not needed & late' },
    });
    expect(kept.outcome).toBe('dead_lettered');
    expect((await queues.get(queue)).state).toMatchObject({ ready: 0, parked: 0 });
    expect(await errorOf(queueMessages.get(queue, ready!.id))).toMatchObject({
      code: 'message_not_found',
      status: 404,
    });
  });

  it('are cancelled and run once, also where the reply is lost', async () => {
    const { queueMessages, publisher } = bound();
    const queue = await broker.queue();
    await using sender = publisher();
    for (const body of [1, 2]) await sender.sendToQueue(queue, { body, properties: { delayMs: 3_600_000 } });
    const [first, second] = await collect(queueMessages.list(queue));
    const cancelling = broker.client({ fetch: losing('DELETE') }).queueMessages;
    expect(await cancelling.cancel(queue, first!.id)).toEqual({ id: first!.id, outcome: 'cancelled' });
    const running = broker.client({ fetch: losing('POST') }).queueMessages;
    expect(await running.runNow(queue, second!.id)).toEqual({ id: null, outcome: 'ready' });
    expect(await collect(queueMessages.list(queue))).toMatchObject([
      { state: 'ready', message: { body: 2 } },
    ]);
  });
});

function bound() {
  const client = broker.client();
  return {
    queueMessages: client.queueMessages,
    queues: client.queues,
    publisher: () => client.publisher(),
  };
}
