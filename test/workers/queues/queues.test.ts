import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deliveries, QueuePublished, SettledReply } from '../../../protocol/schemas/deliveries.ts';
import type { QueueReply, QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { DELIVERIES_TYPE } from '../../../protocol/headers/media-types.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
});
afterAll(() => broker.stop());

const declare = (queue: string, declaration: object = {}): Promise<Reply<QueueReply>> =>
  broker.call('PUT', `/v1/default/queues/${queue}`, declaration);
const publish = (queue: string, messages: object[]): Promise<Reply<QueuePublished>> =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, { messages });
const take = async (queue: string, fields: object = {}): Promise<Deliveries['deliveries']> =>
  (await broker.call<Deliveries>('POST', `/v1/default/queues/${queue}/deliveries`, { max: 100, ...fields }))
    .body.deliveries;
const settle = async (queue: string, fields: object): Promise<string[]> =>
  (
    await broker.call<SettledReply>('POST', `/v1/default/queues/${queue}/settlements`, fields)
  ).body.results.map(({ outcome }) => outcome);
const stateOf = async (queue: string): Promise<QueueWithStateReply['state']> =>
  (await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${queue}`)).body.state;
const bodies = (deliveries: Deliveries['deliveries']): unknown[] => deliveries.map(({ body }) => body);
const numbered = (count: number): { body: number }[] =>
  Array.from({ length: count }, (_, body) => ({ body }));

describe('a queue over HTTP', () => {
  it('is declared, takes messages, delivers them and lets go of what is settled', async () => {
    expect((await declare('jobs')).status).toBe(201);
    expect((await declare('jobs')).status).toBe(200);
    const message = {
      body: { order: 1 },
      headers: { source: 'web' },
      properties: { message_id: 'm1', correlation_id: 'c1', content_type: 'application/json' },
    };
    expect((await publish('jobs', [message])).body).toEqual({ stored: 1, results: [{ outcome: 'stored' }] });
    const [delivery] = await take('jobs');
    expect(delivery).toMatchObject({ ...message, delivery_count: 1, redelivered: false });
    expect(await take('jobs')).toEqual([]);
    expect(await stateOf('jobs')).toMatchObject({ ready: 0, leased: 1 });
    expect(await settle('jobs', { ack: [delivery!.delivery_tag] })).toEqual(['settled']);
    expect(await settle('jobs', { ack: [delivery!.delivery_tag] })).toEqual(['already_settled']);
    expect(await stateOf('jobs')).toMatchObject({ ready: 0, leased: 0, bytes: 0 });
  });

  it('says how many messages are ready besides one that is taken alone, as bytes and without a wait', async () => {
    await declare('besides');
    await publish('besides', numbered(5));
    const readyAfter = async (fields: object, accept = DELIVERIES_TYPE): Promise<string | null> => {
      const reply = await fetch(`${broker.url}/v1/default/queues/besides/deliveries`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept },
        body: JSON.stringify(fields),
      });
      return reply.headers.get('posthorn-ready-messages');
    };
    expect(await readyAfter({ max: 1 })).toBe('4');
    expect(await readyAfter({ max: 1, auto_ack: true })).toBe('3');
    expect(await readyAfter({ max: 1, wait_ms: 10 })).toBeNull();
    expect(await readyAfter({ max: 1 }, 'application/json')).toBeNull();
    expect(await readyAfter({ max: 1 })).toBe('0');
    expect(await readyAfter({ max: 1 })).toBeNull();
  });

  it('writes at most 5 rows for publish, deliver and ack, of one message or of a hundred', async () => {
    for (const count of [1, 100]) {
      const queue = `rows-${count}`;
      await declare(queue);
      const written: number[] = [];
      for (let round = 0; round < 3; round++) {
        const before = (await stateOf(queue)).meter.rows_written;
        await publish(
          queue,
          Array.from({ length: count }, () => ({ body: 'x'.repeat(100) })),
        );
        const deliveries = await take(queue);
        expect(deliveries).toHaveLength(count);
        await settle(queue, { ack: deliveries.map(({ delivery_tag }) => delivery_tag) });
        written.push((await stateOf(queue)).meter.rows_written - before);
      }
      console.log(`rows written per publish + deliver + ack of ${count}:`, written);
      expect(Math.max(...written)).toBeLessThanOrEqual(5);
    }
  });

  it('keeps its messages and leases when the broker restarts', async () => {
    await declare('lasting');
    await publish('lasting', numbered(10));
    const held = await take('lasting', { max: 4 });
    await broker.restart();
    expect(await stateOf('lasting')).toMatchObject({ ready: 6, leased: 4 });
    expect(bodies(await take('lasting'))).toEqual([4, 5, 6, 7, 8, 9]);
    expect(await settle('lasting', { ack: held.map(({ delivery_tag }) => delivery_tag) })).toEqual(
      Array(4).fill('settled'),
    );
  });

  it('answers a consumer that waits', async () => {
    await declare('awaited');
    const waiting = take('awaited', { wait_ms: 20_000 });
    await expect.poll(async () => (await stateOf('awaited')).consumers).toBe(1);
    await publish('awaited', [{ body: 'at last' }]);
    expect(bodies(await waiting)).toEqual(['at last']);
    expect(await take('awaited', { wait_ms: 100 })).toEqual([]);
  });
});

describe('what a queue is told to do', () => {
  it('delivers higher priorities first, and each in order', async () => {
    await declare('ranked', { max_priority: 5 });
    for (const priority of [0, 5, 2, 9, 2]) {
      await publish('ranked', [{ body: priority, properties: { priority } }]);
    }
    expect(bodies(await take('ranked'))).toEqual([5, 9, 2, 2, 0]);
  });

  it('requeues at the old place, and counts deliveries', async () => {
    await declare('again');
    await publish('again', numbered(3));
    const [first] = await take('again', { max: 1 });
    expect(await settle('again', { nack: [{ tag: first!.delivery_tag, delay_ms: 0 }] })).toEqual([
      'requeued',
    ]);
    const next = await take('again');
    expect(bodies(next)).toEqual([0, 1, 2]);
    expect(next.map(({ delivery_count, redelivered }) => [delivery_count, redelivered])).toEqual([
      [2, true],
      [1, false],
      [1, false],
    ]);
    expect(await settle('again', { ack: [first!.delivery_tag] })).toEqual(['lease_expired']);
  });

  it('delivers again when a lease is over, and refuses the late settlement', async () => {
    await declare('slow', { lease_ms: 30_000 });
    await publish('slow', numbered(2));
    const late = await take('slow');
    await broker.advance(30_001);
    expect(await settle('slow', { ack: [late[0]!.delivery_tag] })).toEqual(['lease_expired']);
    const again = await take('slow');
    expect(again.map(({ body, delivery_count }) => [body, delivery_count])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(await settle('slow', { extend: [{ tag: again[0]!.delivery_tag, lease_ms: 60_000 }] })).toEqual([
      'extended',
    ]);
    await broker.advance(30_001);
    expect(bodies(await take('slow'))).toEqual([1]);
    expect(await settle('slow', { ack: [again[0]!.delivery_tag] })).toEqual(['settled']);
  });

  it('delays messages, and retries by schedule before it dead-letters', async () => {
    await declare('later', { retry: { schedule_ms: [1_000, 5_000] } });
    await publish('later', [{ body: 'poison' }, { body: 'later', properties: { delay_ms: 500 } }]);
    expect(await stateOf('later')).toMatchObject({ ready: 1, parked: 1 });
    for (const wait of [1_000, 5_000]) {
      const [poison] = await take('later', { max: 1 });
      expect(poison!.body).toBe('poison');
      expect(await settle('later', { nack: [{ tag: poison!.delivery_tag }] })).toEqual(['parked']);
      await broker.advance(wait - 400);
      expect(bodies(await take('later', { auto_ack: true }))).toEqual(wait === 1_000 ? ['later'] : []);
      await broker.advance(401);
    }
    const [poison] = await take('later');
    expect(poison).toMatchObject({ body: 'poison', delivery_count: 3, redelivered: true });
    expect(await settle('later', { nack: [{ tag: poison!.delivery_tag }] })).toEqual(['dead_lettered']);
    let dead: Deliveries['deliveries'] = [];
    for (let tries = 0; dead.length === 0 && tries < 50; tries++)
      dead = (await take('later.dlq', { wait_ms: 200 }).catch(() => [])) ?? [];
    expect(bodies(dead)).toEqual(['poison']);
    expect(await stateOf('later')).toMatchObject({ ready: 0, leased: 0, parked: 0, outgoing: 0 });
  });

  it('lets messages expire', async () => {
    await declare('brief', { message_ttl_ms: 60_000, dead_letter: 'none' });
    await publish('brief', [{ body: 1 }, { body: 2, properties: { expiration_ms: 1_000 } }]);
    await broker.advance(2_000);
    expect(bodies(await take('brief', { auto_ack: true }))).toEqual([1]);
    await publish('brief', [{ body: 3 }]);
    await broker.advance(61_000);
    expect((await stateOf('brief')).meter.expired).toBe(2);
  });

  it('holds its length: drops the oldest, or refuses the newest', async () => {
    await declare('drops', { max_length: 3, dead_letter: 'none' });
    await publish('drops', numbered(5));
    expect(bodies(await take('drops'))).toEqual([2, 3, 4]);
    await declare('refuses', { max_length: 3, overflow: 'reject-publish' });
    expect((await publish('refuses', numbered(5))).body.results.map(({ outcome }) => outcome)).toEqual([
      'stored',
      'stored',
      'stored',
      'rejected',
      'rejected',
    ]);
    const full = await broker.call('POST', '/v1/default/queues/refuses/messages', { messages: numbered(1) });
    expect([full.status, full.body.code, full.headers.get('retry-after')]).toEqual([429, 'queue_full', '1']);
  });

  it('holds its length when messages come back, and when the limit is lowered', async () => {
    await declare('back', { max_length: 2, overflow: 'drop-head', dead_letter: 'none' });
    await publish('back', numbered(2));
    const held = await take('back');
    await publish('back', numbered(2));
    expect(await settle('back', { release: held.map(({ delivery_tag }) => delivery_tag) })).toEqual([
      'requeued',
      'requeued',
    ]);
    expect((await stateOf('back')).ready).toBe(2);
    await declare('lowered', { overflow: 'drop-head', dead_letter: 'none' });
    await publish('lowered', numbered(5));
    await broker.call('PATCH', '/v1/default/queues/lowered', { max_length: 2 });
    await broker.advance(10);
    expect((await stateOf('lowered')).ready).toBe(2);
    expect(bodies(await take('lowered'))).toEqual([3, 4]);
  });

  it('stores a message id once within the window', async () => {
    await declare('once', { dedup_window_ms: 60_000 });
    const twice = { body: 1, properties: { message_id: 'a' } };
    expect((await publish('once', [twice, twice])).body.results).toEqual([
      { outcome: 'stored' },
      { outcome: 'duplicate' },
    ]);
    expect((await publish('once', [twice])).body.stored).toBe(0);
    await broker.advance(60_001);
    expect((await publish('once', [twice])).body.stored).toBe(1);
  });

  it('has one message of an ordering key in flight, and others in parallel', async () => {
    await declare('keyed');
    const of = (ordering_key: string, body: string) => ({ body, properties: { ordering_key } });
    await publish('keyed', [of('a', 'a1'), of('a', 'a2'), of('b', 'b1'), { body: 'free' }]);
    const first = await take('keyed');
    expect(bodies(first)).toEqual(['a1', 'b1', 'free']);
    expect(await take('keyed')).toEqual([]);
    await settle('keyed', { ack: [first[0]!.delivery_tag] });
    expect(bodies(await take('keyed'))).toEqual(['a2']);
  });

  it('gives messages to a single active consumer until it is gone', async () => {
    await declare('single', { single_active_consumer: true, lease_ms: 10_000 });
    await publish('single', numbered(3));
    expect(bodies(await take('single', { max: 1, consumer_id: 'one' }))).toEqual([0]);
    expect(await take('single', { consumer_id: 'two' })).toEqual([]);
    await broker.advance(10_001);
    expect(bodies(await take('single', { consumer_id: 'two' }))).toEqual([0, 1, 2]);
    expect(await take('single', { consumer_id: 'one' })).toEqual([]);
  });

  it('pauses, peeks and purges', async () => {
    await declare('operated');
    await publish('operated', numbered(3));
    await broker.call('POST', '/v1/default/queues/operated/pause');
    expect(await take('operated')).toEqual([]);
    const { body } = await broker.call<Deliveries>('GET', '/v1/default/queues/operated/messages?max=2');
    expect((body as unknown as { messages: { body: number }[] }).messages.map((one) => one.body)).toEqual([
      0, 1,
    ]);
    await broker.call('POST', '/v1/default/queues/operated/resume');
    const [held] = await take('operated', { max: 1 });
    expect(
      (await broker.call<{ purged: number }>('POST', '/v1/default/queues/operated/purge')).body.purged,
    ).toBe(2);
    expect(await stateOf('operated')).toMatchObject({ ready: 0, leased: 1 });
    expect(await settle('operated', { ack: [held!.delivery_tag] })).toEqual(['settled']);
    await publish('operated', [{ body: 'after' }]);
    expect(bodies(await take('operated'))).toEqual(['after']);
  });
});

describe('bad input to a queue', () => {
  const code = async (method: string, path: string, body?: unknown, headers = {}): Promise<unknown> => {
    const reply = await broker.call(method, `/v1/default/queues/${path}`, body, headers);
    return [reply.status, reply.body.code];
  };

  it('is refused with a precise code', async () => {
    await declare('strict', { max_priority: 3 });
    expect(await code('POST', 'nowhere/messages', { messages: numbered(1) })).toEqual([
      404,
      'queue_not_found',
    ]);
    expect(await code('PUT', 'strict', { max_priority: 4 })).toEqual([409, 'queue_differs']);
    expect(await code('PUT', 'x', { max_priority: 32 })).toEqual([400, 'invalid_field']);
    expect(await code('PUT', 'x', { message_ttl_ms: -1 })).toEqual([400, 'invalid_field']);
    expect(await code('PUT', 'x', { message_ttl_ms: 1e15 })).toEqual([400, 'invalid_field']);
    expect(await code('PUT', 'x', { colour: 'red' })).toEqual([400, 'unknown_field']);
    expect(await code('PUT', 'a%7Fb', {})).toEqual([400, 'invalid_name']);
    const properties = (fields: object) => ({ messages: [{ body: 1, properties: fields }] });
    expect(await code('POST', 'strict/messages', properties({ priority: 32 }))).toEqual([
      400,
      'invalid_field',
    ]);
    expect(await code('POST', 'strict/messages', properties({ expiration_ms: -1 }))).toEqual([
      400,
      'invalid_field',
    ]);
    expect(await code('POST', 'strict/messages', properties({ delay_ms: 1, deliver_at: 1 }))).toEqual([
      400,
      'invalid_message',
    ]);
    expect(
      await code('POST', 'strict/messages', { messages: [{ body: 1, headers: { ':x': '1' } }] }),
    ).toEqual([400, 'invalid_field']);
    expect(await code('POST', 'strict/messages', { messages: [{ body: 'x'.repeat(1_100_000) }] })).toEqual([
      413,
      'record_too_large',
    ]);
    expect(await code('POST', 'strict/messages', { messages: numbered(10_001) })).toEqual([
      413,
      'too_many_records',
    ]);
    expect(await code('POST', 'strict/deliveries', { max: 0 })).toEqual([400, 'invalid_field']);
    expect(await code('POST', 'strict/settlements', { ack: Array(10_001).fill('t') })).toEqual([
      413,
      'too_many_tags',
    ]);
    expect(
      await code('POST', 'strict/messages', new Uint8Array(100), {
        'content-type': 'application/vnd.kafka.record-batch.v2',
      }),
    ).toEqual([400, 'unsupported_magic']);
    expect(await stateOf('strict')).toMatchObject({ ready: 0, leased: 0, parked: 0 });
  });

  it('settles the valid tags of a request and says what is wrong with the others', async () => {
    await declare('mixed');
    await publish('mixed', numbered(3));
    const [first, second] = await take('mixed', { max: 2, consumer_id: 'me' });
    const tags = [first!.delivery_tag, first!.delivery_tag, 'nonsense', '1-0-zz-1'];
    expect(await settle('mixed', { ack: tags, consumer_id: 'me' })).toEqual([
      'settled',
      'already_settled',
      'unknown_tag',
      'unknown_tag',
    ]);
    expect(await settle('mixed', { ack: [second!.delivery_tag], consumer_id: 'you' })).toEqual(['not_yours']);
    expect(await settle('mixed', { release: [second!.delivery_tag] })).toEqual(['requeued']);
    expect(bodies(await take('mixed'))).toEqual([1, 2]);
  });

  it('deletes a queue, unless it is in use or not empty where that is asked for', async () => {
    await declare('doomed');
    await publish('doomed', numbered(1));
    expect(await code('DELETE', 'doomed?if_empty=true')).toEqual([409, 'queue_not_empty']);
    expect((await broker.call('DELETE', '/v1/default/queues/doomed')).status).toBe(200);
    expect(await code('POST', 'doomed/deliveries', {})).toEqual([404, 'queue_not_found']);
    await declare('doomed');
    expect(await take('doomed')).toEqual([]);
  });
});

describe('a queue that ends', () => {
  it('is deleted when nobody has used it for its time', async () => {
    await declare('forgotten', { expires_ms: 60_000 });
    await broker.advance(50_000);
    await take('forgotten');
    await broker.advance(50_000);
    expect((await broker.call('GET', '/v1/default/queues/forgotten')).status).toBe(200);
    await broker.advance(10_001);
    await stateOf('forgotten');
    let status = 200;
    for (let tries = 0; status === 200 && tries < 50; tries++) {
      status = (await broker.call('GET', '/v1/default/queues/forgotten')).status;
    }
    expect(status).toBe(404);
  });

  it('tells those who wait', async () => {
    await declare('leaving');
    const waiting = broker.call('POST', '/v1/default/queues/leaving/deliveries', { wait_ms: 20_000 });
    await expect.poll(async () => (await stateOf('leaving')).consumers).toBe(1);
    await broker.call('DELETE', '/v1/default/queues/leaving');
    expect((await waiting).status).toBe(404);
  });
});
