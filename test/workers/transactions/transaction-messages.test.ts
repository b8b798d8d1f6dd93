/** Messages that are published within a transaction: in their queues and topics when it is committed, and not before. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import type { TransactionMessagesReply } from '../../../protocol/schemas/transactions.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';
import { TransactionClient } from '../../support/clients/transaction-client.ts';

let broker: TestBroker;
beforeAll(
  async () => void (broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' })),
);
afterAll(() => broker.stop());

let names = 0;
const begin = (): Promise<TransactionClient> => TransactionClient.begin(() => broker);

async function newQueue(config: object = {}): Promise<string> {
  const name = `held${++names}`;
  expect((await broker.call('PUT', `/v1/default/queues/${name}`, config)).status).toBe(201);
  return name;
}

function publish(
  tx: TransactionClient,
  sequence: number,
  target: { queue?: string; exchange?: string },
  ...messages: object[]
): Promise<Reply<TransactionMessagesReply & { code: string }>> {
  const body = { producer: tx.producer, sequence, ...target, messages };
  return broker.call('POST', `/v1/default/transactions/${tx.name}/messages`, body);
}

/** The bodies of the messages that wait in a queue. */
async function bodies(queue: string): Promise<unknown[]> {
  const reply = await broker.call<{ messages: { body: unknown }[] }>(
    'GET',
    `/v1/default/queues/${queue}/messages?max=100`,
  );
  expect(reply.status).toBe(200);
  return reply.body.messages.map(({ body }) => body);
}

async function bind(exchange: string, kind: string, name: string, key: string): Promise<void> {
  const binding = { destination: { kind, name }, routing_key: key };
  const reply = await broker.call('POST', `/v1/default/exchanges/${exchange}/bindings`, binding);
  expect(reply.status).toBe(201);
}

const evict = (name: string): Promise<void> =>
  broker.broker.miniflare.unsafeEvictDurableObject('posthorn', 'Transaction', { name: `default/${name}` });

describe('messages in a transaction', () => {
  it('come to their queue when it is committed, in order, and not before', async () => {
    const queue = await newQueue();
    const tx = await begin();
    const held = await publish(tx, 0, { queue }, { body: 'a' }, { body: 'b', properties: { priority: 0 } });
    expect(held.body).toEqual({ count: 2, unroutable: [] });
    await publish(tx, 2, { queue }, { body: { c: 1 } });
    expect(await bodies(queue)).toEqual([]);
    expect((await tx.end('commit')).body.state).toBe('empty');
    expect(await bodies(queue)).toEqual(['a', 'b', { c: 1 }]);
  });

  it('are dropped when it is aborted, and are no part of the next', async () => {
    const queue = await newQueue();
    const tx = await begin();
    for (let sequence = 0; sequence < 7; sequence++) await publish(tx, sequence, { queue }, { body: 'lost' });
    await tx.end('abort');
    await publish(tx, 0, { queue }, { body: 'kept' });
    await tx.end('commit');
    await publish(tx, 0, { queue }, { body: 'kept too' });
    await tx.end('commit');
    expect(await bodies(queue)).toEqual(['kept', 'kept too']);
  });

  it('are held once however often they are sent, and sent once', async () => {
    const queue = await newQueue();
    const tx = await begin();
    await publish(tx, 0, { queue }, { body: 'a' }, { body: 'b' });
    expect((await publish(tx, 0, { queue }, { body: 'a' }, { body: 'b' })).status).toBe(200);
    expect((await publish(tx, 3, { queue }, { body: 'd' })).body).toMatchObject({
      code: 'out_of_order_sequence',
      expected_sequence: 2,
    });
    const { producer } = tx;
    await tx.end('commit');
    await evict(tx.name);
    tx.producer = producer;
    expect((await tx.end('commit')).body.state).toBe('empty');
    await broker.restart();
    expect(await tx.state()).toMatchObject({ state: 'empty' });
    expect(await bodies(queue)).toEqual(['a', 'b']);
  });

  it('wait for a queue that is full and refuses messages, and keep their order', async () => {
    const queue = await newQueue({ max_length: 2, overflow: 'reject-publish' });
    const path = `/v1/default/queues/${queue}`;
    await broker.call('POST', `${path}/messages`, { messages: [{ body: 'before' }] });
    const tx = await begin();
    await publish(tx, 0, { queue }, { body: 'a' }, { body: 'b' }, { body: 'c' });
    expect((await tx.end('commit')).body.state).toBe('committing');
    expect(await bodies(queue)).toEqual(['before', 'a']);
    for (let round = 0; round < 2; round++) {
      await broker.call('POST', `${path}/deliveries`, { max: 2, auto_ack: true });
      await broker.advance(60_000);
      await tx.state();
    }
    await expect.poll(() => tx.state(), { timeout: 10_000 }).toMatchObject({ state: 'empty' });
    expect(await bodies(queue)).toEqual([]);
    expect((await broker.call<QueueWithStateReply>('GET', path)).body.state.meter.published).toBe(4);
  });

  it('are routed by their exchange to queues and topics', async () => {
    const [all, some] = [await newQueue(), await newQueue()];
    const topic = `topic${++names}`;
    const exchange = `events${names}`;
    await broker.declare(topic, { partitions: 3 });
    await broker.call('PUT', `/v1/default/exchanges/${exchange}`, { type: 'topic' });
    await bind(exchange, 'queue', all, '#');
    await bind(exchange, 'queue', some, 'b.*');
    await bind(exchange, 'topic', topic, '*.1');
    const tx = await begin();
    const held = await publish(
      tx,
      0,
      { exchange },
      { body: 1, routing_key: 'a.1', properties: { ordering_key: 'k' } },
      { body: 2, routing_key: 'b.2' },
      { body: 3, routing_key: 'b.1', properties: { ordering_key: 'k' } },
    );
    expect(held.body).toEqual({ count: 3, unroutable: [] });
    await evict(tx.name);
    await tx.end('commit');
    expect(await bodies(all)).toEqual([1, 2, 3]);
    expect(await bodies(some)).toEqual([2, 3]);
    const inTopic = async (): Promise<unknown[]> => {
      const replies = await Promise.all([0, 1, 2].map((partition) => broker.fetch(topic, partition)));
      return replies.flatMap(({ body }) => body.records.map(({ value }) => value));
    };
    expect(await inTopic()).toEqual([1, 3]);
    // Once more: the topic takes the next transaction of the same producer too.
    await publish(tx, 0, { exchange }, { body: 4, routing_key: 'c.1', properties: { ordering_key: 'k' } });
    await tx.end('commit');
    expect(await inTopic()).toEqual([1, 3, 4]);
    expect(await bodies(all)).toEqual([1, 2, 3, 4]);
  });

  it('say which are mandatory and go nowhere', async () => {
    const tx = await begin();
    const exchange = `empty${++names}`;
    await broker.call('PUT', `/v1/default/exchanges/${exchange}`, { type: 'direct' });
    const held = await publish(tx, 0, { exchange }, { body: 1 }, { body: 2, mandatory: true });
    expect(held.body).toEqual({ count: 2, unroutable: [1] });
    expect((await tx.end('commit')).body.state).toBe('empty');
  });

  it('share the fate of the records in their transaction', async () => {
    const queue = await newQueue();
    const topic = `with${queue}`;
    await broker.declare(topic);
    const tx = await begin();
    for (const how of ['abort', 'commit'] as const) {
      await tx.send(topic, 0, how);
      await publish(tx, 0, { queue }, { body: how });
      await tx.end(how);
    }
    const { records } = (await broker.fetch(topic, 0, 'isolation=read_committed')).body;
    expect(records.map(({ value }) => value)).toEqual(['commit']);
    expect(await bodies(queue)).toEqual(['commit']);
  });

  it('do not hold up a transaction when their queue is deleted', async () => {
    const queue = await newQueue();
    const tx = await begin();
    await publish(tx, 0, { queue }, { body: 'a' });
    expect((await broker.call('DELETE', `/v1/default/queues/${queue}`)).status).toBe(200);
    expect((await tx.end('commit')).body.state).toBe('empty');
  });

  it('cost a row for each publish, one more at the end, and those of the queue', async () => {
    const queue = await newQueue();
    const tx = await begin();
    const round = async (): Promise<void> => {
      for (let sequence = 0; sequence < 4; sequence++) {
        await publish(tx, sequence, { queue }, { body: sequence });
      }
      await tx.end('commit');
    };
    await round();
    const before = (await tx.state()).meter.rows_written;
    await round();
    // Opened, four publishes, decided, sent; and the alarm, if it has to be set.
    expect((await tx.state()).meter.rows_written - before).toBeLessThanOrEqual(8);
  });

  it.each([
    ['a queue that is not there', { queue: 'nowhere' }, {}, 'queue_not_found'],
    ['an exchange that is not there', { exchange: 'nowhere' }, {}, 'exchange_not_found'],
    ['no target', {}, {}, 'invalid_field'],
    ['two targets', { queue: 'a', exchange: 'b' }, {}, 'invalid_field'],
    [
      'a wrong message',
      { exchange: 'default' },
      { properties: { delay_ms: 1, deliver_at: 1 } },
      'invalid_message',
    ],
    [
      'a message that is too large',
      { exchange: 'default' },
      { body: 'x'.repeat(1_100_000) },
      'record_too_large',
    ],
  ])('names %s', async (_, target, more, code) => {
    const tx = await begin();
    expect((await publish(tx, 0, target, { body: 1, ...more })).body.code).toBe(code);
    expect(await tx.state()).toMatchObject({ state: 'empty' });
  });

  it('count among the rows of the namespace', async () => {
    const queue = await newQueue();
    const tx = await begin();
    const rows = async (): Promise<number> =>
      (await broker.call<{ rows_written_this_hour: number }>('GET', '/v1/default/limits')).body
        .rows_written_this_hour;
    const before = await rows();
    // Nobody else writes meanwhile, and a report is due after a thousand rows at most.
    for (let sequence = 0; sequence < 1_100 && (await rows()) === before; sequence++) {
      await publish(tx, sequence, { queue }, { body: sequence });
    }
    expect(await rows()).toBeGreaterThan(before);
    await tx.end('abort');
  });

  it('are refused from an instance that has been replaced', async () => {
    const queue = await newQueue();
    const old = await begin();
    await publish(old, 0, { queue }, { body: 'zombie' });
    const young = await TransactionClient.begin(() => broker, old.name);
    expect((await publish(old, 1, { queue }, { body: 'more' })).body.code).toBe('producer_fenced');
    await publish(young, 0, { queue }, { body: 'young' });
    await young.end('commit');
    expect(await bodies(queue)).toEqual(['young']);
  });
});
