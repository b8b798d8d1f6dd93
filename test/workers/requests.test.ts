import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deliveries } from '../../protocol/schemas/deliveries.ts';
import type { ExchangePublished } from '../../protocol/schemas/exchanges.ts';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import { formatReplyAddress, type RequestReply } from '../../protocol/schemas/requests.ts';
import { TestBroker } from '../support/broker/test-broker.ts';

const NAMESPACE = '/v1/default';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const request = <Body = RequestReply>(fields: object, exchange = 'amq.default') =>
  broker.call<Body>('POST', `${NAMESPACE}/exchanges/${exchange}/requests`, fields);
const publish = async (message: object): Promise<ExchangePublished['messages'][number]> => {
  const path = `${NAMESPACE}/exchanges/amq.default/messages`;
  return (await broker.call<ExchangePublished>('POST', path, { messages: [message] })).body.messages[0]!;
};
const take = async (queue: string): Promise<Deliveries['deliveries']> =>
  (
    await broker.call<Deliveries>('POST', `${NAMESPACE}/queues/${queue}/deliveries`, {
      max: 100,
      wait_ms: 10_000,
      auto_ack: true,
    })
  ).body.deliveries;

type Answer = (delivery: Deliveries['deliveries'][number]) => object;

/** Takes `count` requests and answers each. */
async function respond(queue: string, count: number, answer: Answer) {
  const published: ExchangePublished['messages'] = [];
  while (published.length < count) {
    for (const delivery of await take(queue)) {
      const { reply_to, correlation_id } = delivery.properties;
      const properties = correlation_id === undefined ? {} : { correlation_id };
      published.push(
        await publish({ routing_key: reply_to, mandatory: true, properties, ...answer(delivery) }),
      );
    }
  }
  return published;
}

describe('a request', () => {
  it('is answered with the reply, its headers and its properties', async () => {
    await broker.call('PUT', `${NAMESPACE}/queues/sums`, {});
    const responded = respond('sums', 1, ({ body }) => ({
      body: (body as number[]).reduce((sum, part) => sum + part, 0),
      headers: { unit: 'kg' },
    }));
    const fields = { routing_key: 'sums', body: [1, 2, 3], properties: { correlation_id: 'c7' } };
    const { status, body } = await request(fields);
    expect(status).toBe(200);
    expect(body.reply).toMatchObject({
      body: 6,
      headers: { unit: 'kg' },
      properties: { correlation_id: 'c7' },
    });
    const [published] = await responded;
    expect(published).toMatchObject({ destinations: [{ kind: 'reply' }] });
    expect(published).not.toHaveProperty('unroutable');
  });

  it('goes through any exchange, and takes the first of several replies', async () => {
    await broker.call('PUT', `${NAMESPACE}/exchanges/ask`, { type: 'topic' });
    for (const name of ['asked-1', 'asked-2']) {
      await broker.call('PUT', `${NAMESPACE}/queues/${name}`, {});
      const binding = { destination: { kind: 'queue', name }, routing_key: 'price.*' };
      await broker.call('POST', `${NAMESPACE}/exchanges/ask/bindings`, binding);
    }
    const answer = request({ routing_key: 'price.tea', body: null }, 'ask');
    const [first] = await respond('asked-1', 1, () => ({ body: 'first' }));
    const [second] = await respond('asked-2', 1, () => ({ body: 'second' }));
    expect((await answer).body.reply.body).toBe('first');
    expect([first!.destinations.length, second!.unroutable]).toEqual([1, true]);
  });

  it('gets its own reply among many that wait', async () => {
    await broker.call('PUT', `${NAMESPACE}/queues/many`, {});
    const numbers = Array.from({ length: 100 }, (_, number) => number);
    const answers = numbers.map((body) => request({ routing_key: 'many', body }));
    // The last are answered first.
    const taken: Deliveries['deliveries'] = [];
    while (taken.length < numbers.length) taken.push(...(await take('many')));
    for (const { body, properties } of taken.toReversed()) {
      await publish({ routing_key: properties.reply_to, body: { of: body } });
    }
    const bodies = (await Promise.all(answers)).map(({ body }) => body.reply.body);
    expect(bodies).toEqual(numbers.map((of) => ({ of })));
  });

  it('ends with a code where no reply comes in time; one that comes later is unroutable', async () => {
    await broker.call('PUT', `${NAMESPACE}/queues/slow`, {});
    const { status, body } = await request<object>({ routing_key: 'slow', body: 1, wait_ms: 50 });
    expect([status, body]).toMatchObject([504, { code: 'no_reply', retryable: false }]);
    const [late] = await respond('slow', 1, () => ({ body: 'late' }));
    expect(late).toEqual({ destinations: [], unroutable: true });
  });

  it('is refused where nobody can have it', async () => {
    const nobody = await request<object>({ routing_key: 'no-such-queue', body: 1 });
    expect([nobody.status, nobody.body]).toMatchObject([404, { code: 'unroutable' }]);
    const exchange = await request<object>({ body: 1 }, 'no-such-exchange');
    expect([exchange.status, exchange.body]).toMatchObject([404, { code: 'exchange_not_found' }]);
    await broker.call('PUT', `${NAMESPACE}/queues/full`, { max_length: 1, overflow: 'reject-publish' });
    await publish({ routing_key: 'full', body: 1 });
    const full = await request<object>({ routing_key: 'full', body: 1 });
    expect([full.status, full.body]).toMatchObject([429, { code: 'queue_full' }]);
  });

  it('is refused with fields that it does not take', async () => {
    for (const [fields, code] of [
      [{ body: 1, properties: { reply_to: 'me' } }, 'invalid_message'],
      [{ body: 1, wait_ms: 0 }, 'invalid_field'],
      [{ routing_key: 'sums' }, 'invalid_field'],
      [{ body: 1, mandatory: true }, 'unknown_field'],
    ] as const) {
      expect((await request<object>(fields)).body, JSON.stringify(fields)).toMatchObject({ code });
    }
  });
});

describe('a reply', () => {
  it('to an address that was never one is unroutable', async () => {
    const slot = '0'.repeat(32);
    for (const routing_key of [
      formatReplyAddress({ mailbox: 'f'.repeat(64), slot }),
      'amq.reply.nonsense',
      'amq.reply.',
    ]) {
      expect(await publish({ routing_key, mandatory: true, body: 1 })).toEqual({
        destinations: [],
        unroutable: true,
      });
      expect(await publish({ routing_key, body: 1 })).toEqual({ destinations: [] });
    }
  });

  it('has addresses that no queue can take', async () => {
    const { status, body } = await broker.call('PUT', `${NAMESPACE}/queues/amq.reply.mine`, {});
    expect([status, body.code]).toEqual([400, 'invalid_name']);
  });

  it('is stored nowhere: the request costs the rows of one message', async () => {
    await broker.call('PUT', `${NAMESPACE}/queues/metered`, {});
    const responded = respond('metered', 1, () => ({ body: 'done' }));
    await request({ routing_key: 'metered', body: 1 });
    await responded;
    const { state } = (await broker.call<QueueWithStateReply>('GET', `${NAMESPACE}/queues/metered`)).body;
    expect(state).toMatchObject({ ready: 0, leased: 0, meter: { published: 1 } });
  });
});
