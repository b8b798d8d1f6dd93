/** Subscriptions of topics on the real runtime: each record reaches its endpoint in order, from where the subscription began. */

import { describe, expect, it } from 'vitest';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { parseExposition } from '../../support/exposition-parser.ts';
import { PushEndpoint } from '../../support/clients/push-endpoint.ts';
import {
  recordsOf,
  SubscribedTopic,
  valuesOf,
  type PushedRecords,
} from '../../support/clients/subscribed-topic.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

const own = SubscribedTopic.forTests();
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

describe('a subscription of a topic', () => {
  it('pushes what is produced after it was made, and knows how far it has come', async () => {
    await own.declare();
    await own.produceTo(0, 'before');
    expect((await own.subscribe()).status).toBe(201);
    await own.produceTo(0, 'first');
    await own.endpoint.untilRequests(1);
    const [push] = own.endpoint.json<PushedRecords>();
    expect(push).toMatchObject({
      topic: own.name,
      subscription: own.name,
      messages: [{ attempt: 1, partition: 0, offset: 1, key: null, value: 'first' }],
    });
    await own.produceTo(0, 'second');
    await own.endpoint.untilRequests(2);
    await own.untilDone();
    expect(own.values()).toEqual(['first', 'second']);
    const { state } = await own.get();
    expect(state).toMatchObject({
      pushed: 2,
      held: 0,
      lag: 0,
      dead_letters_waiting: 0,
      positions: [{ partition: 0, offset: 3, end_offset: 3, lag: 0 }],
    });
  });

  it('pushes the whole topic in the order of each partition', async () => {
    await own.declare({ partitions: 3 });
    for (const partition of [0, 1, 2])
      await own.produceTo(partition, ...numbers(200).map((number) => `${partition}-${number}`));
    await own.subscribe({ from: 'earliest', order: 'partition' }, { batch_messages: 7 });
    await own.untilDone();
    for (const partition of [0, 1, 2])
      expect(own.values().filter((value) => String(value).startsWith(`${partition}-`))).toEqual(
        numbers(200).map((number) => `${partition}-${number}`),
      );
    expect(own.endpoint.mostOpen).toBeLessThanOrEqual(3);
  });

  it('begins at an offset, and at a time', async () => {
    await own.declare();
    await own.produce(
      numbers(10).map((value) => ({ value, timestamp: 1_700_000_000_000 + value * 1_000, partition: 0 })),
    );
    await own.subscribe({ from: 7 });
    await own.untilDone();
    expect(own.values().toSorted()).toEqual([7, 8, 9]);
    await own.broker.call('DELETE', own.path());
    await own.subscribe({ from: '@1700000004500' });
    await own.untilDone();
    expect(own.values().slice(3).toSorted()).toEqual([5, 6, 7, 8, 9]);
  });

  it('pushes records of partitions that are added', async () => {
    await own.declare();
    await own.subscribe();
    await own.broker.call('PATCH', `/v1/default/topics/${own.name}`, { partitions: 2 });
    await own.produceTo(1, 'new partition');
    await own.endpoint.untilRequests(1);
    await own.untilDone();
    expect(own.values()).toEqual(['new partition']);
  });

  it('knows partitions that were added, also when it has left memory', async () => {
    await own.declare();
    const { body } = await own.subscribe();
    await own.broker.call('PATCH', `/v1/default/topics/${own.name}`, { partitions: 2 });
    const object = `${own.broker.namespace}/${own.name}#${body.topology_version - 1}`;
    await own.broker.evictObject('Subscription', object);
    expect((await own.get()).state.positions).toHaveLength(2);
    expect((await own.seek({ to: 'earliest', partitions: [1] })).status).toBe(200);
  });

  it('stops as soon as its topic is deleted', async () => {
    own.endpoint.answer = () => 422;
    await own.declare();
    await own.subscribe({ retry: { schedule_ms: [3_600_000] } });
    await own.produceTo(0, 'refused');
    await until(async () => (await own.get()).state.failed === 1, 'a failed attempt');
    expect((await own.get()).state.held).toBe(1);
    await own.broker.call('DELETE', `/v1/default/topics/${own.name}`);
    expect((await own.get()).state.held).toBe(0);
  });

  it('keeps the order of each key while records fail, and lets others pass', async () => {
    await own.declare({ partitions: 2 });
    await own.subscribe({ retry: { schedule_ms: [20, 20, 20, 20, 20] } });
    const failing = new Set(['a1', 'b2', 'a3']);
    own.endpoint.answer = (request) => {
      const [value] = valuesOf(request) as [string];
      return failing.delete(value) ? 422 : 200;
    };
    const keyed = ['a1', 'b1', 'a2', 'b2', 'c1', 'a3', 'b3', 'a4'];
    await own.produce(keyed.map((value) => ({ key: value[0], value })));
    await own.untilDone();
    const ofKey = (key: string) => [
      ...new Set((own.values() as string[]).filter((value) => value.startsWith(key))),
    ];
    expect(ofKey('a')).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(ofKey('b')).toEqual(['b1', 'b2', 'b3']);
    expect(own.values()).toHaveLength(11);
  });

  it('holds a partition at a record that fails, and sends it to the dead-letter queue in the end', async () => {
    await own.declare();
    await own.subscribe({ order: 'partition', retry: { schedule_ms: [10, 10] } });
    own.endpoint.answer = (request) => (valuesOf(request).includes('poison') ? 400 : 200);
    await own.produceTo(0, 'before', 'poison', 'after');
    await own.untilDone();
    expect(own.values()).toEqual(['before', 'poison', 'poison', 'poison', 'after']);
    expect(
      own.endpoint.requests.flatMap((request) => recordsOf(request).map(({ attempt }) => attempt)),
    ).toEqual([1, 1, 2, 3, 1]);
    expect(new Set(own.endpoint.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
    const path = `/v1/default/queues/${own.name}.dlq/dead-letters`;
    let letters: unknown[] = [];
    await until(async () => {
      letters = (await own.broker.call<{ dead_letters?: unknown[] }>('GET', path)).body.dead_letters ?? [];
      return letters.length > 0;
    }, 'a dead letter');
    expect(letters).toMatchObject([
      {
        original_message: {
          body: 'poison',
          headers: { 'dead-letter-topic': own.name, 'dead-letter-partition': '0', 'dead-letter-offset': '1' },
        },
        error: { type: 'http_400', message: 'the endpoint answered 400' },
        metadata: { retry_count: 2, reason: 'delivery_limit' },
      },
    ]);
    expect((await own.get()).state.dead_letters_waiting).toBe(0);
  });

  it('keeps dead letters for a queue that was deleted, and holds up none of another queue', async () => {
    const [first, second] = [`${own.name}.first`, `${own.name}.second`];
    const pathOf = (queue: string): string => `/v1/default/queues/${queue}`;
    const readyIn = async (queue: string): Promise<number> =>
      (await own.broker.call<QueueWithStateReply>('GET', pathOf(queue))).body.state.ready;
    await own.declare();
    for (const queue of [first, second]) await own.broker.call('PUT', pathOf(queue), {});
    own.endpoint.answer = () => 400;
    await own.subscribe({ retry: { schedule_ms: [] }, dead_letter: { queue: first } });
    expect((await own.broker.call('DELETE', pathOf(first))).status).toBe(200);
    await own.produceTo(0, 'poison');
    await until(async () => (await own.get()).state.dead_letters_waiting === 1, 'a letter that waits');
    await own.untilDone();
    await own.subscribe({ retry: { schedule_ms: [] }, dead_letter: { queue: second } });
    await own.produceTo(0, 'poison too');
    await until(async () => (await readyIn(second)) === 1, 'the letter of the other queue');
    expect((await own.get()).state.dead_letters_waiting).toBe(1);
    await own.broker.call('PUT', pathOf(first), {});
    await until(async () => (await readyIn(first)) === 1, 'the letter that waited', 30_000);
    expect((await own.get()).state.dead_letters_waiting).toBe(0);
  });

  it.each(['key', 'partition'])(
    'brings everything to an endpoint that was down, in order of each %s',
    async (order) => {
      const { port, url } = own.endpoint;
      await own.endpoint.stop();
      await own.declare({ partitions: 2 });
      await own.subscribe({ order, retry: { schedule_ms: [500, 500] } }, { target: { url }, concurrency: 5 });
      const sent = numbers(30);
      const other = await PushEndpoint.start();
      const beside = `${own.path()}-beside`;
      const source = { topic: own.name, order };
      await own.broker.call('PUT', beside, { source, target: { url: other.url }, batch_messages: 7 });
      await own.produce(sent.map((value) => ({ key: `k${value % 6}`, value })));
      await until(async () => (await own.get()).state.breaker !== 'closed', 'an open breaker');
      await until(() => Promise.resolve(other.requests.flatMap(valuesOf).length === 30), 'all, beside it');
      await own.broker.call('DELETE', beside);
      await other.stop();
      own.endpoint = await PushEndpoint.start(port);
      await own.untilDone(30_000);
      for (let key = 0; key < 6; key++)
        expect(own.values().filter((value) => (value as number) % 6 === key)).toEqual(
          sent.filter((value) => value % 6 === key),
        );
      expect((await own.get()).state).toMatchObject({ breaker: 'closed', failures: 0, last_error: null });
    },
  );

  it('is in the metrics of its namespace until it is deleted', async () => {
    await own.declare();
    await own.subscribe();
    await own.produceTo(0, 1, 2);
    await own.untilDone();
    const url = new URL(`/metrics?namespace=${own.broker.namespace}`, own.broker.url);
    const samples = async () =>
      parseExposition(await (await fetch(url)).text(), 'prometheus').filter(
        ({ labels }) => labels['subscription'] === own.name,
      );
    const valueOf = async (name: string) => (await samples()).find((sample) => sample.name === name)?.value;
    await until(
      async () => (await valueOf('posthorn_subscription_pushed_total')) === 2,
      'a report of two pushes',
      30_000,
    );
    expect(await valueOf('posthorn_subscription_lag')).toBe(0);
    expect(await valueOf('posthorn_subscription_breaker_open')).toBe(0);
    await own.broker.call('DELETE', own.path());
    await until(async () => (await samples()).length === 0, 'the end of its series');
  });

  it('goes on elsewhere when it is told to', async () => {
    await own.declare({ partitions: 2 });
    await own.subscribe();
    await own.produceTo(0, 'a', 'b');
    await own.produceTo(1, 'c', 'd');
    await own.untilDone();
    const sought = await own.seek({ to: 'earliest', partitions: [0] });
    expect(sought.body.offsets).toEqual([{ partition: 0, offset: 0 }]);
    await own.endpoint.untilRequests(6);
    await own.untilDone();
    expect(own.values().slice(4).toSorted()).toEqual(['a', 'b']);
    expect((await own.seek({ to: 1 })).body.offsets).toEqual([
      { partition: 0, offset: 1 },
      { partition: 1, offset: 1 },
    ]);
    await own.endpoint.untilRequests(8);
    expect(own.values().slice(6).toSorted()).toEqual(['b', 'd']);
    expect((await own.seek({ to: 'latest', partitions: [2] })).body.code).toBe('partition_not_found');
    expect((await own.seek({ to: 'somewhere' })).body.code).toBe('invalid_field');
  });

  it('pushes what its filter takes, and passes over the others', async () => {
    await own.declare();
    await own.subscribe({}, { filter: { headers: { kind: 'a' } } });
    await own.produce(
      numbers(30).map((value) => ({ value, partition: 0, headers: { kind: value % 3 === 0 ? 'a' : 'b' } })),
    );
    await own.untilDone();
    expect(own.values().toSorted((a, b) => Number(a) - Number(b))).toEqual(
      numbers(10).map((number) => number * 3),
    );
    expect((await own.get()).state.filtered).toBe(20);
    const wrong = await own.subscribe({}, { filter: { headers: { 'x-match': 'some' } } });
    expect(wrong.body.code).toBe('invalid_field');
    expect((await own.subscribe({}, { filter: {} })).body.code).toBe('invalid_field');
  });

  it('goes on where it was when it is resumed', async () => {
    await own.declare();
    await own.subscribe();
    await own.produceTo(0, 1);
    await own.untilDone();
    await own.broker.call('POST', own.path('/pause'));
    await own.produceTo(0, 2, 3);
    expect((await own.get()).state.lag).toBe(2);
    await own.broker.call('POST', own.path('/resume'));
    await own.untilDone();
    expect(own.values().toSorted()).toEqual([1, 2, 3]);
    await own.produceTo(0, 4);
    await own.endpoint.untilRequests(4);
  });

  it('is paused when its topic is deleted, and begins anew with another', async () => {
    await own.declare();
    await own.subscribe({ from: 'earliest' });
    await own.produceTo(0, 'old');
    await own.untilDone();
    await own.broker.call('DELETE', `/v1/default/topics/${own.name}`);
    expect(await own.get()).toMatchObject({ is_paused: true, pause_reason: 'source_deleted' });
    expect((await own.broker.call('POST', own.path('/resume'))).body.code).toBe('topic_not_found');
    await own.declare();
    await own.produceTo(0, 'new');
    await own.broker.call('POST', own.path('/resume'));
    await own.endpoint.untilRequests(2);
    await own.untilDone();
    expect(own.values()).toEqual(['old', 'new']);
  });

  it('can be changed to a queue and back', async () => {
    await own.declare();
    await own.broker.call('PUT', `/v1/default/queues/${own.name}`, {});
    await own.subscribe();
    await own.broker.call('PUT', own.path(), {
      source: { queue: own.name },
      target: { url: own.endpoint.url },
    });
    await own.broker.call('POST', `/v1/default/queues/${own.name}/messages`, { messages: [{ body: 1 }] });
    await own.endpoint.untilRequests(1);
    expect((await own.get()).state.lag).toBeNull();
    await own.produceTo(0, 'waits');
    await own.subscribe();
    await own.endpoint.untilRequests(2);
    await own.untilDone();
    expect(recordsOf(own.endpoint.requests[1]!)).toMatchObject([{ value: 'waits' }]);
  });

  it('is refused where it cannot be', async () => {
    await own.declare();
    const codeOf = async (source: object) => (await own.subscribe(source)).body.code;
    expect(await codeOf({ topic: 'nowhere' })).toBe('topic_not_found');
    expect(await codeOf({ from: 'somewhere' })).toBe('invalid_field');
    expect(await codeOf({ dead_letter: { queue: 'nowhere' } })).toBe('queue_not_found');
    expect(await codeOf({ queue: 'both' })).toBe('invalid_field');
  });
});

describe('when objects leave memory', () => {
  it('goes on where it was', async () => {
    const { body } = await own.declare();
    const made = await own.subscribe();
    await own.produceTo(0, 1);
    await own.untilDone();
    const { topology_version: version } = made.body;
    const topic = body.topology_version;
    await own.broker.evictObject('Partition', `${own.broker.namespace}/${own.name}/0#${topic}`);
    await own.broker.evictObject('Subscription', `${own.broker.namespace}/${own.name}#${version - 1}`);
    await own.produceTo(0, 2);
    await own.endpoint.untilRequests(2);
    await own.untilDone();
    expect(own.values()).toEqual([1, 2]);
  });
});
