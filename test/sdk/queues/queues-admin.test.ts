import { describe, expect, it } from 'vitest';
import { QUEUE_DEFAULTS } from '../../../protocol/schemas/queues.ts';
import { EXCHANGE_DEFAULTS } from '../../../protocol/schemas/exchanges.ts';
import { toWire } from '../../../sdk/client/wire.ts';
import { brokerForTests, collect, errorOf } from '../harness.ts';

const broker = brokerForTests();

describe('queues', () => {
  it('are declared with the defaults of the contract, read, listed, changed and deleted', async () => {
    const { queues } = broker.client();
    const declared = await queues.declare('mails', { maxPriority: 5 });
    const { queue, topology_version: version, ...fields } = toWire(declared);
    expect([queue, typeof version]).toEqual(['mails', 'number']);
    expect(fields).toEqual({ ...QUEUE_DEFAULTS, max_priority: 5 });
    expect(await queues.declare('mails')).toMatchObject({ maxPriority: 5 });
    const changed = await queues.change('mails', {
      retry: { baseMs: 10, factor: 2, maxMs: 100, attempts: 3 },
      deadLetter: { exchange: 'amq.topic', routingKey: 'dead' },
    });
    expect(changed.retry).toEqual({ baseMs: 10, factor: 2, maxMs: 100, jitter: 0, attempts: 3 });
    expect(changed.deadLetter).toEqual({ exchange: 'amq.topic', routingKey: 'dead' });
    const { state, ...read } = await queues.get('mails');
    expect(read.deadLetter).toEqual(changed.deadLetter);
    expect(state).toMatchObject({ ready: 0, isPaused: false, oldestMs: null });
    expect(state.meter.deadLettered).toBe(0);
    expect((await queues.list()).map((one) => one.queue)).toContain('mails');
    await queues.delete('mails');
    expect((await errorOf(queues.get('mails'))).code).toBe('queue_not_found');
  });

  it('say what differs, and are not deleted while they hold something where that is asked', async () => {
    const { queues } = broker.client();
    const queue = await broker.queue();
    const differs = await errorOf(queues.declare(queue, { maxPriority: 1 }));
    expect(differs).toMatchObject({ code: 'queue_differs', retryable: false });
    await using publisher = broker.client().publisher();
    await publisher.sendToQueue(queue, { body: 1 });
    expect((await errorOf(queues.delete(queue, { ifEmpty: true }))).code).toBe('queue_not_empty');
    await queues.delete(queue, { ifUnused: true });
  });

  it('are paused, resumed, looked into and purged', async () => {
    const { queues } = broker.client();
    const queue = await broker.queue();
    await using publisher = broker.client().publisher();
    const properties = { correlationId: 'c', orderingKey: 'k', priority: 0 };
    await publisher.sendToQueue(queue, { body: { n: 1 }, headers: { h: ['a', 'b'] }, properties });
    await publisher.sendToQueue(queue, { body: new Uint8Array([255]) });
    const [first, second] = await queues.peek(queue, { max: 2 });
    expect(first).toMatchObject({ body: { n: 1 }, headers: { h: ['a', 'b'] }, properties });
    expect(second!.body).toEqual({ $base64: '/w==' });
    await queues.pause(queue);
    expect((await queues.get(queue)).state).toMatchObject({ isPaused: true, ready: 2 });
    await queues.resume(queue);
    expect(await queues.purge(queue)).toBe(2);
  });

  it('have names that are checked before anything is sent', async () => {
    const { queues } = broker.client();
    expect((await errorOf(queues.get('..'))).code).toBe('invalid_argument');
  });
});

describe('exchanges', () => {
  it('are declared with the defaults of the contract, read, listed and deleted', async () => {
    const { exchanges } = broker.client();
    const declared = await exchanges.declare('events', { type: 'topic', alternateExchange: 'amq.fanout' });
    const { exchange, predeclared, topology_version: _, ...fields } = toWire(declared);
    expect([exchange, predeclared]).toEqual(['events', false]);
    expect(fields).toEqual({ ...EXCHANGE_DEFAULTS, type: 'topic', alternate_exchange: 'amq.fanout' });
    expect(await exchanges.get('')).toMatchObject({ exchange: 'amq.default', predeclared: true });
    expect((await exchanges.list()).map((one) => one.exchange)).toContain('events');
    expect((await errorOf(exchanges.declare('events', { type: 'fanout' }))).code).toBe('exchange_differs');
    await exchanges.delete('events', { ifUnused: true });
    expect((await errorOf(exchanges.get('events'))).code).toBe('exchange_not_found');
  });

  it('are bound to queues, topics and exchanges, and unbound', async () => {
    const { exchanges } = broker.client();
    await exchanges.declare('source', { type: 'headers' });
    await exchanges.declare('target', { type: 'fanout' });
    const queue = await broker.queue();
    const topic = await broker.topic();
    const match = { 'x-match': 'all', some_header: 1 };
    const bound = await exchanges.bind('source', { queue }, { arguments: match });
    expect(bound).toMatchObject({ source: 'source', destination: { queue }, arguments: match });
    expect((await exchanges.bind('source', { queue }, { arguments: match })).id).toBe(bound.id);
    await exchanges.bind('source', { topic }, { routingKey: 'k' });
    await exchanges.bind('source', { exchange: 'target' });
    expect(await collect(exchanges.bindings({ source: 'source' }))).toHaveLength(3);
    expect(await collect(exchanges.bindings({ queue }))).toEqual([expect.objectContaining({ id: bound.id })]);
    expect(await collect(exchanges.bindings({ topic }))).toMatchObject([{ routingKey: 'k' }]);
    expect(await collect(exchanges.bindings({ exchange: 'target' }))).toHaveLength(1);
    const ids = await exchanges.bindMany([
      { source: 'source', destination: { queue }, arguments: match },
      { source: 'source', destination: { exchange: 'target' }, routingKey: 'new' },
    ]);
    expect([ids.length, ids[0]]).toEqual([2, bound.id]);
    expect(await collect(exchanges.bindings({ exchange: 'target' }))).toHaveLength(2);
    const wrong = [{ source: 'source', destination: { queue: 'nowhere' } }];
    expect((await errorOf(exchanges.bindMany(wrong))).code).toBe('queue_not_found');
    await exchanges.unbind(bound);
    expect((await errorOf(exchanges.unbind(bound))).code).toBe('binding_not_found');
    expect((await errorOf(exchanges.bind('source', { queue: 'nowhere' }))).code).toBe('queue_not_found');
    expect((await errorOf(exchanges.bind('source', {} as never))).code).toBe('invalid_argument');
  });
});

it('policies are put, read, listed and deleted', async () => {
  const { policies } = broker.client();
  const definition = { maxLength: 10, retry: { scheduleMs: [1] } };
  const put = await policies.put('limits', { pattern: 'none.*', definition });
  expect(put).toMatchObject({ policy: 'limits', priority: 0, definition });
  expect(await policies.get('limits')).toMatchObject({ definition });
  expect(await policies.list()).toHaveLength(1);
  await policies.delete('limits');
  expect((await errorOf(policies.get('limits'))).code).toBe('policy_not_found');
});
