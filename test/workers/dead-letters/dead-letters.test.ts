import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../../protocol/schemas/dead-letters.ts';
import { QueueClient, tagsOf } from '../../support/clients/queue-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

/** Five messages of which one is no JSON, and a consumer that parses them. */
async function consume(queue: string): Promise<string[]> {
  const done: string[] = [];
  for (const delivery of await queues.take(queue, { consumer_id: 'parser' })) {
    try {
      JSON.parse(delivery.body as string);
      await queues.settle(queue, { ack: [delivery.delivery_tag] });
      done.push(delivery.body as string);
    } catch (thrown) {
      const { name, message, stack } = thrown as Error;
      const error = { type: name, message, stack_trace: stack };
      const nack = [{ tag: delivery.delivery_tag, error }];
      done.push((await queues.settle(queue, { nack, consumer_id: 'parser' }))[0]!);
    }
  }
  return done;
}

const FIVE = ['{"n":1}', '{"n":2}', '{"n":', '{"n":4}', '{"n":5}'];

function expectPoison(letter: DeadLetter, queue: string): void {
  expect(letter).toMatchObject({
    original_message: { body: '{"n":', headers: { from: 'test' }, properties: { message_id: 'm2' } },
    error: { type: 'SyntaxError', message: expect.stringContaining('JSON') as string },
    metadata: {
      retry_count: 3,
      original_queue: queue,
      consumer_id: 'parser',
      reason: 'delivery_limit',
      exchange: 'poison-x',
      routing_key: queue,
      history: [{ queue, reason: 'delivery_limit', count: 1 }],
    },
  });
  expect(letter.error.stack_trace).toContain('at ');
  const { first_attempt: first, last_attempt: last } = letter.metadata;
  for (const time of [first, last]) expect(new Date(time!).toISOString()).toBe(time);
}

describe('a message that cannot be processed', () => {
  it('is tried by the schedule and becomes a dead letter, while the others flow on', async () => {
    await queues.declare('poison');
    await broker.call('PUT', '/v1/default/exchanges/poison-x', { type: 'direct' });
    const binding = { destination: { kind: 'queue', name: 'poison' }, routing_key: 'poison' };
    await broker.call('POST', '/v1/default/exchanges/poison-x/bindings', binding);
    const messages = FIVE.map((body, n) => ({
      body,
      routing_key: 'poison',
      headers: { from: 'test' },
      properties: { message_id: `m${n}` },
    }));
    await broker.call('POST', '/v1/default/exchanges/poison-x/messages', { messages });
    const startMs = Date.now();
    expect(await consume('poison')).toEqual([FIVE[0], FIVE[1], 'parked', FIVE[3], FIVE[4]]);
    for (const [delayMs, outcome] of [
      [1_000, 'parked'],
      [5_000, 'parked'],
      [30_000, 'dead_lettered'],
    ] as const) {
      expect(await consume('poison')).toEqual([]);
      expect(await queues.state('poison')).toMatchObject({ parked: 1, ready: 0 });
      await broker.advance(delayMs);
      expect(await consume('poison')).toEqual([outcome]);
    }
    const [letter] = await queues.deadLettersOnce('poison', 1);
    expectPoison(letter!, 'poison');
    const { first_attempt: first, last_attempt: last } = letter!.metadata;
    expect(Date.parse(last!) - Date.parse(first!)).toBeGreaterThanOrEqual(36_000);
    expect(Date.parse(first!)).toBeLessThanOrEqual(startMs + 60_000);
    const path = `/v1/default/queues/poison/dead-letters/${letter!.id}`;
    expect((await broker.call('GET', path)).body).toEqual(letter);
    expect((await queues.deadLetters('poison.dlq')).dead_letters).toEqual([letter]);
    expect(await queues.state('poison')).toMatchObject({ ready: 0, leased: 0, parked: 0, outgoing: 0 });
  });

  it('does so in real time', async () => {
    await queues.declare('poison-real', { retry: { schedule_ms: [50, 100, 150] } });
    await queues.publish(
      'poison-real',
      FIVE.map((body) => ({ body })),
    );
    const done: string[] = [];
    await queues.until(
      async () => {
        done.push(...(await consume('poison-real')));
        return done;
      },
      (all) => all.includes('dead_lettered'),
    );
    expect(done.toSorted()).toEqual(
      [FIVE[0], FIVE[1], FIVE[3], FIVE[4], 'parked', 'parked', 'parked', 'dead_lettered'].toSorted(),
    );
    const [letter] = await queues.deadLettersOnce('poison-real', 1);
    expect(letter).toMatchObject({ error: { type: 'SyntaxError' }, metadata: { retry_count: 3 } });
  });

  it('ends also where it kills its consumer, whose leases run out', async () => {
    await queues.declare('killer', { lease_ms: 1_000, retry: { schedule_ms: [10, 10] } });
    await queues.publish('killer', [{ body: 'boom' }]);
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [delivery] = await queues.take('killer', { consumer_id: 'mortal' });
      expect(delivery).toMatchObject({ body: 'boom', delivery_count: attempt });
      await broker.advance(1_001);
    }
    expect(await queues.take('killer')).toEqual([]);
    const [letter] = await queues.deadLettersOnce('killer', 1);
    expect(letter).toMatchObject({
      error: { type: 'lease_expired' },
      metadata: { reason: 'delivery_limit', retry_count: 2, consumer_id: 'mortal' },
    });
  });

  it('is not failed by a consumer that gives it back, however often', async () => {
    await queues.declare('given-back', { retry: { schedule_ms: [] } });
    await queues.publish('given-back', [{ body: 1 }]);
    for (let round = 0; round < 5; round++) {
      const release = tagsOf(await queues.take('given-back'));
      expect(await queues.settle('given-back', { release })).toEqual(['requeued']);
    }
    const nack = tagsOf(await queues.take('given-back')).map((tag) => ({ tag }));
    expect(await queues.settle('given-back', { nack })).toEqual(['dead_lettered']);
  });

  it('has its error cut, with a note', async () => {
    await queues.declare('long-error');
    await queues.kill('long-error', [{ body: 1 }], {
      message: 'm'.repeat(9_000),
      stack_trace: 's'.repeat(50_000),
    });
    const [letter] = await queues.deadLettersOnce('long-error', 1);
    expect(letter!.error.message).toHaveLength(8_192);
    expect(letter!.error.message).toMatch(/mm\.\.\. \(cut: 9000 characters\)$/);
    expect(letter!.error.stack_trace).toHaveLength(32_768);
  });
});

describe('where dead letters go', () => {
  it('is an exchange: to all its queues and topics, with another routing key or the own', async () => {
    for (const name of ['graves-a', 'graves-b']) await queues.declare(name, { dead_letter: 'none' });
    await broker.declare('graves-log', { partitions: 1 });
    await broker.call('PUT', '/v1/default/exchanges/graves', { type: 'fanout' });
    for (const [kind, name] of [
      ['queue', 'graves-a'],
      ['queue', 'graves-b'],
      ['topic', 'graves-log'],
    ]) {
      await broker.call('POST', '/v1/default/exchanges/graves/bindings', { destination: { kind, name } });
    }
    await queues.declare('to-exchange', { dead_letter: { exchange: 'graves' } });
    await queues.kill('to-exchange', [{ body: 1 }, { body: 2 }]);
    await queues.until(
      () => queues.state('to-exchange'),
      ({ outgoing }) => outgoing === 0,
    );
    for (const name of ['graves-a', 'graves-b']) {
      const letters = await queues.deadLettersOnce(name, 2);
      expect(letters.map(({ original_message: { body } }) => body)).toEqual([1, 2]);
    }
    const { body } = await broker.fetch('graves-log', 0, 'offset=earliest');
    expect(body.records.map(({ value }) => value)).toEqual([1, 2]);
  });

  it('waits for a queue that is not there, and says so', async () => {
    await queues.declare('to-nowhere', { dead_letter: { queue: 'later' } });
    await queues.kill('to-nowhere', [{ body: 1 }]);
    const state = await queues.until(
      () => queues.state('to-nowhere'),
      ({ outgoing_problem: problem }) => problem !== null,
    );
    expect(state).toMatchObject({
      outgoing: 1,
      outgoing_problem: expect.stringContaining('"later"') as string,
    });
    await queues.declare('later', { dead_letter: 'none' });
    await broker.advance(300_001);
    await queues.state('to-nowhere');
    const [letter] = await queues.deadLettersOnce('later', 1);
    expect(letter).toMatchObject({ metadata: { original_queue: 'to-nowhere' } });
    expect(await queues.state('to-nowhere')).toMatchObject({ outgoing: 0, outgoing_problem: null });
  });

  it('waits for room in a queue that refuses, and loses nothing', async () => {
    await queues.declare('narrow', { dead_letter: 'none', max_length: 2, overflow: 'reject-publish' });
    await queues.declare('to-narrow', { dead_letter: { queue: 'narrow' } });
    await queues.kill(
      'to-narrow',
      [1, 2, 3, 4, 5].map((body) => ({ body })),
    );
    const seen: unknown[] = [];
    for (let round = 0; round < 3; round++) {
      const deliveries = await queues.until(
        async () => {
          await queues.state('to-narrow');
          return await queues.take('narrow');
        },
        ({ length }) => length > 0,
      );
      seen.push(...deliveries.map(({ body }) => body));
      await queues.settle('narrow', { ack: tagsOf(deliveries) });
      await queues.until(
        () => queues.state('to-narrow'),
        ({ outgoing, outgoing_problem: problem }) => outgoing === 0 || problem !== null,
      );
      await broker.advance(300_001);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('is counted where an exchange has nobody for them', async () => {
    await broker.call('PUT', '/v1/default/exchanges/void', { type: 'direct' });
    await queues.declare('to-void', { dead_letter: { exchange: 'void' } });
    await queues.kill('to-void', [{ body: 1 }]);
    const { lost } = await queues.until(
      () => queues.state('to-void'),
      ({ outgoing }) => outgoing === 0,
    );
    expect(lost).toEqual({ cycle: 0, hop_limit: 0, unroutable: 1, dropped: 0 });
  });

  it('ends a cycle of any length, unless a consumer took part in it', async () => {
    const ring = ['ring-0', 'ring-1', 'ring-2'];
    for (const [n, name] of ring.entries()) {
      await queues.declare(name, { message_ttl_ms: 1_000, dead_letter: { queue: ring[(n + 1) % 3]! } });
    }
    await queues.publish('ring-0', [{ body: 'round' }]);
    for (const name of ring) {
      await queues.until(
        () => queues.state(name),
        ({ ready }) => ready === 1,
      );
      await broker.advance(2_001);
      await queues.until(
        () => queues.state(name),
        ({ ready, outgoing }) => ready === 0 && outgoing === 0,
      );
    }
    expect((await queues.state('ring-2')).lost.cycle).toBe(1);
    expect(await queues.state('ring-0')).toMatchObject({ ready: 0 });
    await queues.kill('ring-0', [{ body: 'rejected' }]);
    for (const name of ['ring-1', 'ring-2']) {
      await queues.until(
        () => queues.state(name),
        ({ ready }) => ready === 1,
      );
      await broker.advance(2_001);
      await queues.state(name);
    }
    const [letter] = await queues.until(
      () => queues.take('ring-0'),
      ({ length }) => length === 1,
    );
    expect(letter).toMatchObject({
      body: 'rejected',
      dead_letter: {
        metadata: {
          original_queue: 'ring-0',
          history: [{ queue: 'ring-2' }, { queue: 'ring-1' }, { queue: 'ring-0', reason: 'rejected' }],
        },
      },
    });
  });

  it('is the own dead-letter queue once the broker has published a message on too often', async () => {
    await queues.declare('loop', { dead_letter: { queue: 'loop' } });
    await queues.publish('loop', [{ body: 'again' }]);
    for (let hop = 0; hop <= 64; hop++) {
      const [delivery] = await queues.until(
        () => queues.take('loop'),
        ({ length }) => length === 1,
      );
      await queues.settle('loop', { reject: [{ tag: delivery!.delivery_tag }] });
    }
    const path = '/v1/default/queues/loop.dlq';
    await queues.until(
      () => broker.call('GET', path),
      ({ status }) => status === 200,
    );
    const [letter] = await queues.deadLettersOnce('loop.dlq', 1);
    expect(letter!.metadata).toMatchObject({ hops: 65, history: [{ queue: 'loop', count: 65 }] });
    const refused = await broker.call(
      'POST',
      `/v1/default/queues/loop.dlq/dead-letters/${letter!.id}/resend`,
    );
    expect(refused).toMatchObject({ status: 409, body: { code: 'replay_refused', reason: 'hop_limit' } });
  });
});

describe('names made of digits', () => {
  it('are names everywhere: "007" is not "7"', async () => {
    await broker.call('PUT', '/v1/default/queues/007', { retry: { schedule_ms: [] } });
    await broker.call('PUT', '/v1/default/queues/7', { retry: { schedule_ms: [] } });
    const keys = ['7', '007', '1e3', '0x10'];
    await broker.call('POST', '/v1/default/queues/007/messages', {
      messages: keys.map((body) => ({ body, properties: { ordering_key: body } })),
    });
    const taken = await queues.take('007', { consumer_id: '12' });
    const reject = taken.map(({ delivery_tag: tag }) => ({ tag, error: { type: '042' } }));
    expect(new Set(await queues.settle('007', { reject, consumer_id: '12' }))).toEqual(
      new Set(['dead_lettered']),
    );
    const keysOf = async (query: string): Promise<unknown[]> => {
      const { body } = await broker.call<{ dead_letters: DeadLetter[] }>(
        'GET',
        `/v1/default/queues/007/dead-letters?${query}`,
      );
      return body.dead_letters.map(({ original_message }) => original_message.properties.ordering_key).sort();
    };
    await expect.poll(() => keysOf('')).toEqual(keys.toSorted());
    expect(await keysOf('error_type=042')).toHaveLength(4);
    expect(await keysOf('error_type=42')).toEqual([]);
    expect(await keysOf('original_queue=007')).toHaveLength(4);
    const path = '/v1/default/queues/007/dead-letters';
    const purge = (query: string) => broker.call('DELETE', `${path}?${query}`);
    expect(await purge('key=007')).toMatchObject({ status: 200, body: { purged: 1 } });
    expect(await keysOf('')).toEqual(['0x10', '1e3', '7']);
    expect(await purge('key=7&key=0x10')).toMatchObject({ status: 400, body: { code: 'invalid_field' } });
    expect(await purge('key=')).toMatchObject({ status: 200, body: { purged: 0 } });
    const replay = { filter: { key: 7 } };
    expect(await broker.call('POST', `${path}/replay`, replay)).toMatchObject({ status: 400 });
    expect(await keysOf('')).toEqual(['0x10', '1e3', '7']);
  });
});
