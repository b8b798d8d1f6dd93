/** Subscriptions whose target is a queue or a topic, on the real runtime. */

import { describe, expect, it } from 'vitest';
import { BROKER_HOPS_MAX } from '../../../protocol/limits.ts';
import { HOPS_HEADER } from '../../../protocol/schemas/messages.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { SubscribedTopic } from '../../support/clients/subscribed-topic.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

const own = SubscribedTopic.forTests();
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

interface Peeked {
  messages: { body: unknown; headers?: Record<string, string> }[];
}

const queue = (name: string, fields: object = {}) =>
  own.broker.call('PUT', `/v1/default/queues/${name}`, fields);
const readyIn = async (name: string): Promise<number> =>
  (await own.broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${name}`)).body.state.ready;
const peek = async (name: string): Promise<Peeked['messages']> =>
  (await own.broker.call<Peeked>('GET', `/v1/default/queues/${name}/messages?max=1000`)).body.messages;
const untilReady = (name: string, count: number): Promise<void> =>
  until(async () => (await readyIn(name)) === count, `${count} messages in ${name}`);
/** Waits for the dead letters in the default queue of a subscription, or of a queue. */
const lettersOf = async (name: string, count: number): Promise<object[]> => {
  await untilReady(`${name}.dlq`, count);
  const path = `/v1/default/queues/${name}.dlq/dead-letters`;
  return (await own.broker.call<{ dead_letters: object[] }>('GET', path)).body.dead_letters;
};
const tooOften = {
  error: {
    type: 'http_508',
    message: 'the endpoint answered 508',
    stack_trace: expect.stringContaining('too often'),
  },
  metadata: { reason: 'delivery_limit', hops: BROKER_HOPS_MAX + 1 },
};

describe('a subscription that stores messages', () => {
  it('takes a topic into a queue in the order of each partition, and again after a seek', async () => {
    const target = `${own.name}.in`;
    await own.declare({ partitions: 2 });
    await queue(target);
    await own.produceTo(0, ...numbers(250));
    await own.produceTo(1, ...numbers(50).map((number) => 1_000 + number));
    expect((await own.subscribe({ from: 'earliest' }, { target: { queue: target } })).status).toBe(201);
    await own.untilDone();
    await untilReady(target, 300);
    const bodies = (await peek(target)).map(({ body }) => body as number);
    expect(bodies.filter((body) => body < 1_000)).toEqual(numbers(250));
    expect(bodies.filter((body) => body >= 1_000)).toEqual(numbers(50).map((number) => 1_000 + number));
    await own.seek({ to: 48, partitions: [1] });
    await own.untilDone();
    await untilReady(target, 302);
  });

  it('takes a queue into a topic', async () => {
    const source = `${own.name}.out`;
    await own.declare();
    await queue(source);
    const declaration = { source: { queue: source }, target: { topic: own.name } };
    expect((await own.broker.call('PUT', own.path(), declaration)).status).toBe(201);
    await own.broker.call('POST', `/v1/default/queues/${source}/messages`, {
      messages: [{ body: 'moved', headers: { own: 'kept' }, properties: { ordering_key: 'k' } }],
    });
    await until(async () => {
      const path = `/v1/default/topics/${own.name}/partitions/0/records?offset=earliest`;
      const { records } = (await own.broker.call<{ records: unknown[] }>('GET', path)).body;
      if (records.length === 0) return false;
      expect(records).toMatchObject([{ key: 'k', value: 'moved', headers: { own: 'kept' } }]);
      return true;
    }, 'the record');
    await untilReady(source, 0);
  });

  it('waits for a queue that is full, or was deleted, and loses nothing', async () => {
    const target = `${own.name}.small`;
    await own.declare();
    await queue(target, { max_length: 2, overflow: 'reject-publish' });
    await own.subscribe({}, { target: { queue: target } });
    await own.produceTo(0, ...numbers(5));
    await until(async () => (await own.get()).state.last_error !== null, 'a refusal');
    expect((await own.get()).state.lag).toBeGreaterThan(0);
    await own.broker.call('PATCH', `/v1/default/queues/${target}`, { max_length: 100 });
    await own.untilDone(30_000);
    expect((await peek(target)).map(({ body }) => body)).toEqual(numbers(5));
    expect((await own.get()).state.breaker).toBe('closed');
  });

  it('gives up a record that its target never takes, and no other', async () => {
    const target = `${own.name}.compacted`;
    await own.declare();
    await own.broker.call('PUT', `/v1/default/topics/${target}`, { cleanup_policy: 'compact' });
    await own.subscribe({ retry: { schedule_ms: [10] } }, { target: { topic: target } });
    await own.produce([
      { key: 'a', value: 1, partition: 0 },
      { value: 'without a key', partition: 0 },
      { key: 'b', value: 2, partition: 0 },
    ]);
    await own.untilDone();
    await untilReady(`${own.name}.dlq`, 1);
    const path = `/v1/default/topics/${target}/partitions/0/records?offset=earliest`;
    const { records } = (await own.broker.call<{ records: { value: unknown }[] }>('GET', path)).body;
    expect(records.map(({ value }) => value)).toEqual([1, 2]);
  });

  it('ends a circle', async () => {
    await own.declare();
    await own.broker.call('PUT', `/v1/default/topics/${own.name}.b`, {});
    const back = `/v1/default/subscriptions/${own.name}.back`;
    await own.subscribe({ retry: { schedule_ms: [] } }, { target: { topic: `${own.name}.b` } });
    await own.broker.call('PUT', back, {
      source: {
        topic: `${own.name}.b`,
        retry: { schedule_ms: [] },
        dead_letter: { queue: `${own.name}.dlq` },
      },
      target: { topic: own.name },
    });
    await own.produceTo(0, 'round');
    const end = async (topic: string): Promise<number> =>
      (await own.broker.call<{ high_watermark: number }>('GET', `/v1/default/topics/${topic}/partitions/0`))
        .body.high_watermark;
    await until(
      async () => (await end(own.name)) + (await end(`${own.name}.b`)) === BROKER_HOPS_MAX + 1,
      'the last of all copies',
      30_000,
    );
    await own.untilDone();
    expect((await end(own.name)) + (await end(`${own.name}.b`))).toBe(BROKER_HOPS_MAX + 1);
    expect(await lettersOf(own.name, 1)).toMatchObject([tooOften]);
    await own.broker.call('DELETE', back);
  });

  it('ends a circle of queues, and its message is a dead letter', async () => {
    const back = `/v1/default/subscriptions/${own.name}.back`;
    const queues = [own.name, `${own.name}.b`];
    for (const name of queues) await queue(name, { retry: { schedule_ms: [] } });
    const subscribe = (path: string, from: string, to: string) =>
      own.broker.call('PUT', path, { source: { queue: from }, target: { queue: to } });
    await subscribe(own.path(), own.name, `${own.name}.b`);
    await subscribe(back, `${own.name}.b`, own.name);
    await own.broker.call('POST', `/v1/default/queues/${own.name}/messages`, {
      messages: [{ body: 'round' }],
    });
    expect(await lettersOf(own.name, 1)).toMatchObject([tooOften]);
    await own.broker.call('DELETE', back);
    for (const name of queues) expect(await readyIn(name)).toBe(0);
  });

  it('holds nothing up for records that go round in circles', async () => {
    const target = `${own.name}.in`;
    await own.declare();
    await queue(target);
    await own.subscribe({ retry: { schedule_ms: [10] } }, { target: { queue: target } });
    const headers = { [HOPS_HEADER]: String(BROKER_HOPS_MAX) };
    const round = numbers(8).map((value) => ({ value, headers, partition: 0 }));
    await own.produce([...round, { value: 'behind', partition: 0 }]);
    await own.untilDone(20_000);
    expect((await peek(target)).map(({ body }) => body)).toEqual(['behind']);
    expect(await lettersOf(own.name, 8)).toMatchObject(round.map(() => tooOften));
    expect((await own.get()).state.breaker).toBe('closed');
  });

  it('is refused where it cannot be', async () => {
    await own.declare();
    const codeOf = async (target: object) => (await own.subscribe({}, { target })).body.code;
    expect(await codeOf({ queue: 'nowhere' })).toBe('queue_not_found');
    expect(await codeOf({ topic: 'nowhere' })).toBe('topic_not_found');
    expect(await codeOf({ namespace: 'nowhere', queue: 'q' })).toBe('namespace_not_found');
    expect(await codeOf({ topic: own.name })).toBe('invalid_field');
    expect(await codeOf({ queue: 'q', url: own.endpoint.url })).toBe('invalid_field');
  });
});
