/** Single messages of a queue over HTTP: listed, read, cancelled, run now. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { HeldMessage, MessageList } from '../../../protocol/schemas/queue-messages.ts';
import { QueueClient, tagsOf } from '../../support/clients/queue-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start();
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

const path = (queue: string, rest: string): string => `/v1/default/queues/${queue}/messages/${rest}`;
const list = async (queue: string, query = ''): Promise<MessageList> =>
  (await broker.call<MessageList>('GET', path(queue, `list?${query}`))).body;
const problemOf = async (method: string, at: string): Promise<[number, string]> => {
  const { status, body } = await broker.call<ProblemDocument>(method, at);
  return [status, body.code];
};

/** A queue with a message in each state. */
async function mixed(queue: string): Promise<Record<HeldMessage['state'], HeldMessage>> {
  await queues.declare(queue, { retry: { schedule_ms: [3_600_000] } });
  await queues.publish(queue, [{ body: 'fails' }, { body: 'held' }]);
  const [fails] = await queues.take(queue, { max: 2, consumer_id: 'worker-1' });
  const nack = [{ tag: fails!.delivery_tag, error: { type: 'Boom', message: 'no' } }];
  expect(await queues.settle(queue, { nack })).toEqual(['parked']);
  await queues.publish(queue, [
    { body: { total: 1.5 }, headers: { h: 'x' }, properties: { message_id: 'm1' } },
    { body: 'later', properties: { delay_ms: 7_200_000 } },
  ]);
  const { messages } = await list(queue);
  expect(messages.map(({ state }) => state)).toEqual(['leased', 'ready', 'waiting', 'delayed']);
  return Object.fromEntries(messages.map((message) => [message.state, message])) as never;
}

describe('the messages of a queue', () => {
  it('are listed with what a person wants to know, and each is read by its id', async () => {
    const { ready, leased, waiting, delayed } = await mixed('look');
    expect(ready).toEqual({
      id: ready.id,
      state: 'ready',
      body: { total: 1.5 },
      headers: { h: 'x' },
      properties: { message_id: 'm1' },
      published_at: expect.any(Number),
      delivery_count: 0,
      failed_attempts: 0,
    });
    expect(leased).toMatchObject({ body: 'held', consumer_id: 'worker-1', delivery_count: 1 });
    expect(leased.lease_expires_at).toBeGreaterThan(Date.now());
    expect(waiting).toMatchObject({ body: 'fails', failed_attempts: 1, last_error: { type: 'Boom' } });
    expect(waiting.due_at).toBeGreaterThan(Date.now() + 3_000_000);
    expect(delayed).toMatchObject({ body: 'later', properties: { delay_ms: 7_200_000 } });
    for (const message of [ready, leased, waiting, delayed])
      expect((await broker.call('GET', path('look', message.id))).body).toEqual(message);
    expect((await list('look', 'state=waiting')).messages).toEqual([waiting]);
    expect((await list('look', 'message_id=m1')).messages).toEqual([ready]);
  });

  it('come in pages, whose bounds are checked', async () => {
    await mixed('pages');
    const seen: string[] = [];
    for (let after = ''; ;) {
      const page = await list('pages', `limit=1${after}`);
      seen.push(...page.messages.map(({ state }) => state));
      if (page.next === undefined) break;
      after = `&after=${page.next}`;
    }
    expect(seen).toEqual(['leased', 'ready', 'waiting', 'delayed']);
    for (const query of ['limit=0', 'limit=501', 'state=gone', 'after=x', 'after=zz-0-1', 'what=1'])
      expect((await problemOf('GET', path('pages', `list?${query}`)))[0], query).toBe(400);
  });

  it('are not listed all at once where they are large', async () => {
    await queues.declare('large');
    const body = 'x'.repeat(500_000);
    for (let n = 0; n < 12; n++) await queues.publish('large', [{ body }]);
    const page = await list('large');
    expect(page.messages.length).toBeLessThan(12);
    const rest = await list('large', `after=${page.next}`);
    expect(page.messages.length + rest.messages.length).toBe(12);
  });
});

describe('a message', () => {
  it('that is cancelled is gone for good, in any state but leased', async () => {
    const { ready, leased, waiting, delayed } = await mixed('stop');
    for (const { id } of [ready, waiting, delayed]) {
      const { status, body } = await broker.call('DELETE', path('stop', id));
      expect([status, body]).toEqual([200, { id, outcome: 'cancelled' }]);
      expect(await problemOf('DELETE', path('stop', id))).toEqual([404, 'message_not_found']);
      expect(await problemOf('GET', path('stop', id))).toEqual([404, 'message_not_found']);
    }
    const refused = await broker.call<ProblemDocument>('DELETE', path('stop', leased.id));
    expect([refused.status, refused.body]).toMatchObject([
      409,
      { code: 'message_leased', retryable: false, lease_expires_at: leased.lease_expires_at },
    ]);
    expect(await queues.take('stop')).toEqual([]);
    expect(await queues.state('stop')).toMatchObject({ ready: 0, leased: 1, parked: 0 });
  });

  it('becomes a dead letter with the reason of whoever cancels it', async () => {
    const { ready, delayed } = await mixed('bury');
    for (const { id } of [ready, delayed]) {
      const { body } = await broker.call('DELETE', path('bury', `${id}?dead_letter=true&reason=a%20test`));
      expect(body).toEqual({ id, outcome: 'dead_lettered' });
    }
    const { dead_letters: letters } = await queues.until(
      () => queues.deadLetters('bury'),
      (page) => page.dead_letters.length === 2,
    );
    for (const letter of letters) {
      expect(letter.error).toMatchObject({ type: 'cancelled', message: 'a test' });
      expect(letter.metadata).toMatchObject({ reason: 'rejected', original_queue: 'bury' });
    }
    expect(await problemOf('DELETE', path('bury', `${ready.id}?reason=x`))).toEqual([400, 'invalid_field']);
  });

  it('that is run now is delivered, also to a consumer that waits already', async () => {
    const { ready, leased, waiting, delayed } = await mixed('go');
    expect(await problemOf('POST', path('go', `${leased.id}/run`))).toEqual([409, 'message_leased']);
    await queues.publish('go', [{ body: 'last' }]);
    const { messages } = await list('go', 'state=ready');
    const run = await broker.call<{ id: string }>('POST', path('go', `${messages.at(-1)!.id}/run`));
    expect([run.status, run.body]).toEqual([200, { id: expect.any(String), outcome: 'ready' }]);
    expect((await broker.call('GET', path('go', run.body.id))).body).toMatchObject({ body: 'last' });
    const taken = await queues.take('go');
    expect(taken.map(({ body }) => body)).toEqual(['last', ready.body]);
    await queues.settle('go', { ack: tagsOf(taken) });
    for (const { id, body } of [waiting, delayed]) {
      const waits = queues.take('go', { wait_ms: 20_000, max: 1 });
      const { body: done } = await broker.call('POST', path('go', `${id}/run`));
      expect(done).toMatchObject({ outcome: 'ready' });
      expect((await waits).map((delivery) => delivery.body)).toEqual([body]);
      expect(await problemOf('POST', path('go', `${id}/run`))).toEqual([404, 'message_not_found']);
    }
  });

  it('with an ordering key is not run before those of its key', async () => {
    await queues.declare('keys');
    const properties = { ordering_key: 'k' };
    await queues.publish('keys', [
      { body: 1, properties },
      { body: 2, properties },
    ]);
    const second = (await list('keys', 'ordering_key=k')).messages[1]!;
    expect(await problemOf('POST', path('keys', `${second.id}/run`))).toEqual([409, 'message_keyed']);
  });

  it('is not found by an id of another queue, or by what is no id', async () => {
    const { ready } = await mixed('one');
    await queues.declare('two');
    for (const id of [ready.id, 'x', '1-2-3-4-5', 'list', '%2e%2e'])
      expect((await problemOf('DELETE', path('two', id)))[0], id).toBe(404);
    expect(await problemOf('GET', path('none', ready.id))).toEqual([404, 'queue_not_found']);
  });
});
