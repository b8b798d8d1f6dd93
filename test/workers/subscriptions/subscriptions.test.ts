/** Subscriptions on the real runtime: each message reaches its endpoint, and is settled by what that answers. */

import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type {
  SubscriptionList,
  SubscriptionReply,
  SubscriptionTested,
} from '../../../protocol/schemas/subscriptions.ts';
import { PushEndpoint } from '../../support/clients/push-endpoint.ts';
import { bodiesOf, SubscribedQueue, type Pushed } from '../../support/clients/subscribed-queue.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

const own = SubscribedQueue.forTests();

describe('a subscription', () => {
  it('pushes what is published, and settles what the endpoint accepts', async () => {
    await own.declare();
    expect((await own.subscribe()).status).toBe(201);
    await own.publish('first');
    await own.endpoint.untilRequests(1);
    const [push] = own.endpoint.json<Pushed>();
    expect(push).toMatchObject({
      queue: own.name,
      subscription: own.name,
      messages: [{ attempt: 1, body: 'first' }],
    });
    await own.publish('second');
    await own.endpoint.untilRequests(2);
    await own.untilEmpty();
    expect(own.bodies()).toEqual(['first', 'second']);
    await until(async () => (await own.get()).state.pushed === 2, 'two messages pushed');
    expect(await own.attempts()).toMatchObject([
      { status: 204, outcome: 'accepted', messages: 1, attempt: 1 },
      { status: 204, outcome: 'accepted' },
    ]);
  });

  it('pushes in order with a concurrency of one, from what was there before it', async () => {
    await own.declare();
    const sent = Array.from({ length: 120 }, (_, number) => number);
    await own.publish(...sent);
    await own.subscribe({ concurrency: 1 });
    await own.untilEmpty();
    expect(own.bodies()).toEqual(sent);
    expect(own.endpoint.mostOpen).toBe(1);
  });

  it('has as many requests under way as its concurrency says', async () => {
    await own.declare();
    own.endpoint.answer = () => (response) => void setTimeout(() => response.writeHead(200).end('ok'), 100);
    await own.subscribe({ concurrency: 3 });
    await own.publish(...Array.from({ length: 12 }, (_, number) => number));
    await own.untilEmpty();
    expect(own.endpoint.mostOpen).toBe(3);
  });

  it('fills batches, and waits for them as long as it may', async () => {
    await own.declare();
    await own.subscribe({ batch_messages: 10, batch_wait_ms: 500, concurrency: 2 });
    await own.publish(...Array.from({ length: 25 }, (_, number) => number));
    await own.endpoint.untilRequests(2);
    expect(own.endpoint.requests.map((request) => bodiesOf(request).length)).toEqual([10, 10]);
    await own.endpoint.untilRequests(3);
    expect(bodiesOf(own.endpoint.requests[2]!)).toEqual([20, 21, 22, 23, 24]);
    await own.untilEmpty();
  });

  it('settles what its filter does not take', async () => {
    await own.declare();
    await own.subscribe({ filter: { routing_key: 'eu.*' } });
    await own.publishAll(
      ['eu.1', 'us.1', 'eu.2', null].map((key) => ({
        body: key,
        ...(key !== null && { properties: { ordering_key: key } }),
      })),
    );
    await own.untilEmpty();
    expect(own.bodies().toSorted()).toEqual(['eu.1', 'eu.2']);
    expect((await own.get()).state).toMatchObject({ pushed: 2, filtered: 2 });
  });

  it('keeps to its rate', async () => {
    await own.declare();
    await own.subscribe({ rate_per_s: 20 });
    await own.publish(...Array.from({ length: 16 }, (_, number) => number));
    const requests = await own.endpoint.untilRequests(16);
    expect(requests.at(-1)!.atMs - requests[0]!.atMs).toBeGreaterThan(450);
    await own.untilEmpty();
  });

  it('keeps the order of each key while messages fail', async () => {
    await own.declare({ retry: { schedule_ms: [20, 20, 20, 20, 20] } });
    const failing = new Set(['a1', 'b2', 'a3']);
    own.endpoint.answer = (request) => {
      const [body] = bodiesOf(request) as [string];
      return failing.delete(body) ? 422 : 200;
    };
    await own.subscribe({ concurrency: 8 });
    const keyed = ['a1', 'b1', 'a2', 'b2', 'c1', 'a3', 'b3', 'a4'];
    await own.publishAll(keyed.map((body) => ({ body, properties: { ordering_key: body[0] } })));
    await own.untilEmpty();
    const ofKey = (key: string) => [
      ...new Set((own.bodies() as string[]).filter((body) => body.startsWith(key))),
    ];
    expect(ofKey('a')).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(ofKey('b')).toEqual(['b1', 'b2', 'b3']);
  });
});

describe('what the endpoint answers', () => {
  it('a failure is tried again by the schedule of the queue, with the same id, and its dead letter has the last reply', async () => {
    await own.declare({ retry: { schedule_ms: [10, 10] } });
    own.endpoint.answer = () => (response) => response.writeHead(500).end('it broke'.repeat(1_000));
    await own.subscribe();
    await own.publish('poison');
    const requests = await own.endpoint.untilRequests(3);
    expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(requests.map(({ headers }) => headers['posthorn-attempt'])).toEqual(['1', '2', '3']);
    const [letter] = await own.untilLetters(1);
    expect(letter).toMatchObject({
      error: { type: 'http_500', message: 'the endpoint answered 500' },
      metadata: { retry_count: 2, reason: 'delivery_limit' },
    });
    expect(letter!.error.stack_trace).toBe('it broke'.repeat(512));
    expect(await own.attempts('?failed=true&limit=2')).toHaveLength(2);
    expect((await own.get()).state).toMatchObject({ failed: 3, breaker: 'closed' });
  });

  it('takes no other message of its request to the dead letters', async () => {
    await own.declare({ retry: { schedule_ms: [20, 20] } });
    own.endpoint.answer = (request) => (bodiesOf(request).includes('poison') ? 422 : 204);
    await own.subscribe({ batch_messages: 10, batch_wait_ms: 300 });
    await own.publish(1, 2, 3, 'poison', 4, 5);
    await own.untilLetters(1);
    await own.untilEmpty();
    expect((await own.queueState()).meter.dead_lettered).toBe(1);
    expect((await own.get()).state.pushed).toBe(5);
  });

  it('Retry-After says when it comes again', async () => {
    await own.declare();
    own.endpoint.answer = () => (response) => response.writeHead(429, { 'retry-after': '1' }).end();
    await own.subscribe();
    await own.publish('later');
    const [first] = await own.endpoint.untilRequests(1);
    await until(async () => (await own.get()).state.resumes_at !== null, 'a time at which it resumes');
    await own.publish('too early');
    own.endpoint.answer = () => 204;
    const requests = await own.endpoint.untilRequests(3);
    expect(requests[1]!.atMs - first!.atMs).toBeGreaterThan(950);
    await own.untilEmpty();
    expect((await own.attempts()).at(-1)).toMatchObject({ status: 429, outcome: 'released' });
    expect((await own.queueState()).meter.dead_lettered).toBe(0);
  });

  it('410 pauses it until it is resumed, and loses nothing', async () => {
    await own.declare();
    own.endpoint.answer = () => 410;
    await own.subscribe();
    await own.publish(1, 2, 3);
    await until(async () => (await own.get()).pause_reason === 'gone', 'a pause');
    await until(async () => (await own.queueState()).leased === 0, 'all given back');
    expect((await own.queueState()).ready).toBe(3);
    own.endpoint.answer = () => 200;
    const resumed = await own.broker.call<SubscriptionReply>('POST', own.path('/resume'));
    expect(resumed.body).toMatchObject({ is_paused: false, pause_reason: null });
    await own.untilEmpty();
  });

  it.each<[string, (endpoint: PushEndpoint) => PushEndpoint['answer'], string]>([
    [
      'a redirect',
      ({ port }) =>
        () =>
        (response) =>
          response.writeHead(302, { location: `http://127.0.0.1:${port}/elsewhere` }).end(),
      'http_302',
    ],
    ['a reset connection', () => () => (response) => response.socket!.resetAndDestroy(), 'no_reply'],
    ['garbage', () => () => (response) => void response.socket!.end('garbage\r\n\r\n'), 'no_reply'],
    ['silence', () => () => () => {}, 'no_reply'],
    [
      'half a reply',
      () => () => (response) => {
        response.writeHead(500, { 'content-length': '1000' }).write('half');
        setTimeout(() => response.socket?.destroy(), 20);
      },
      'http_500',
    ],
    [
      'ten megabytes',
      () => () => (response) => response.writeHead(500).end('x'.repeat(10_000_000)),
      'http_500',
    ],
    [
      'a reply that never ends',
      () => () => (response) => {
        response.writeHead(500);
        response.write('x');
      },
      'http_500',
    ],
  ])('%s is a failed attempt that says why', async (_, answerOf, type) => {
    await own.declare({ retry: { schedule_ms: [] } });
    own.endpoint.answer = answerOf(own.endpoint);
    await own.subscribe({ reply_timeout_ms: 500 });
    await own.publish('refused');
    const [letter] = await own.untilLetters(1);
    expect(letter!.error.type).toBe(type);
    expect(letter!.error.message).not.toBe('');
    expect(letter!.error.stack_trace?.length ?? 0).toBeLessThanOrEqual(4_096);
    expect(own.endpoint.requests).toHaveLength(1);
  });

  it('an endpoint that is down gets everything when it is back, and no message is used up', async () => {
    const { port, url } = own.endpoint;
    await own.endpoint.stop();
    await own.declare({ retry: { schedule_ms: [10, 10] } });
    await own.subscribe({ target: { url }, concurrency: 1 });
    const sent = Array.from({ length: 30 }, (_, number) => number);
    await own.publishAll(sent.map((body) => ({ body, properties: { ordering_key: `key ${body % 6}` } })));
    await until(async () => (await own.get()).state.breaker !== 'closed', 'an open breaker');
    await delay(1_000);
    own.endpoint = await PushEndpoint.start(port);
    await until(async () => (await own.get()).state.pushed === 30, 'all pushed', 30_000);
    for (let key = 0; key < 6; key++)
      expect(own.bodies().filter((body) => (body as number) % 6 === key)).toEqual(
        sent.filter((body) => body % 6 === key),
      );
    await own.untilEmpty();
    expect((await own.queueState()).meter.dead_lettered).toBe(0);
    expect((await own.get()).state).toMatchObject({ breaker: 'closed', failures: 0, last_error: null });
  });
});

describe('a definition', () => {
  it('is refused where it cannot be', async () => {
    await own.declare();
    const codeOf = async (fields: object) => (await own.subscribe(fields)).body.code;
    expect(await codeOf({ source: { queue: 'nowhere' } })).toBe('queue_not_found');
    expect(await codeOf({ target: { url: 'ftp://127.0.0.1/' } })).toBe('invalid_field');
    expect(await codeOf({ target: { url: 'http://user:pw@127.0.0.1/' } })).toBe('invalid_field');
    expect(await codeOf({ format: 'body', batch_messages: 2 })).toBe('invalid_field');
    expect(await codeOf({ secret: 'whsec_short' })).toBe('invalid_field');
    expect(await codeOf({ concurrency: 0 })).toBe('invalid_field');
    expect(await codeOf({ surprise: 1 })).toBe('unknown_field');
    expect((await own.broker.call('GET', own.path())).body.code).toBe('subscription_not_found');
  });

  it('is listed, paused, resumed, tested and deleted', async () => {
    await own.declare();
    await own.subscribe();
    expect((await own.broker.call<SubscriptionReply>('POST', own.path('/pause'))).body.pause_reason).toBe(
      'asked',
    );
    await own.publish(1);
    const tested = await own.broker.call<SubscriptionTested>('POST', own.path('/test'));
    expect(tested.body.attempt).toMatchObject({ status: 204, outcome: 'accepted', messages: 0 });
    expect(own.endpoint.requests.map(({ headers }) => headers['posthorn-test'])).toEqual(['true']);
    expect(own.bodies()).toEqual([{ test: true }]);
    const listed = await own.broker.call<SubscriptionList>('GET', '/v1/default/subscriptions');
    expect(listed.body.subscriptions.find(({ subscription }) => subscription === own.name)).toMatchObject({
      is_paused: true,
      source: { queue: own.name },
    });
    expect((await own.queueState()).ready).toBe(1);
    await own.broker.call('POST', own.path('/resume'));
    await own.endpoint.untilRequests(2);
    await own.untilEmpty();
    expect((await own.broker.call('DELETE', own.path())).status).toBe(200);
    await own.publish(2);
    expect((await own.broker.call('GET', own.path())).body.code).toBe('subscription_not_found');
    expect((await own.queueState()).ready).toBe(1);
  });

  it('keeps its queue from being deleted as unused', async () => {
    await own.declare({ expires_ms: 1_000 });
    await own.subscribe();
    expect((await own.queueState()).consumers).toBe(1);
    const unused = await own.broker.call('DELETE', `/v1/default/queues/${own.name}?if_unused=true`);
    expect(unused.body.code).toBe('queue_in_use');
    await delay(1_500);
    await own.publish('still there');
    await own.endpoint.untilRequests(1);
  });

  it('can be changed to another queue', async () => {
    await own.declare();
    await own.broker.call('PUT', `/v1/default/queues/${own.name}.other`, {});
    await own.subscribe();
    await own.subscribe({ source: { queue: `${own.name}.other` } });
    await own.publish('stays');
    await own.broker.call('POST', `/v1/default/queues/${own.name}.other/messages`, {
      messages: [{ body: 'goes' }],
    });
    await own.endpoint.untilRequests(1);
    expect(own.bodies()).toEqual(['goes']);
    expect((await own.queueState()).ready).toBe(1);
  });

  it('is paused when its queue is deleted, and resumed with another', async () => {
    await own.declare();
    await own.subscribe();
    await own.broker.call('DELETE', `/v1/default/queues/${own.name}`);
    expect(await own.get()).toMatchObject({ is_paused: true, pause_reason: 'source_deleted' });
    expect((await own.broker.call('POST', own.path('/resume'))).body.code).toBe('queue_not_found');
    await own.declare();
    await own.broker.call('POST', own.path('/resume'));
    await own.publish('again');
    await own.endpoint.untilRequests(1);
    await own.untilEmpty();
  });
});

describe('when objects leave memory', () => {
  it('goes on', async () => {
    const { body } = await own.declare();
    const subscription = (await own.subscribe()).body.topology_version - 1; // its queue took the last one
    await own.publish(1);
    await own.endpoint.untilRequests(1);
    await own.untilEmpty();
    await own.broker.evictQueue(own.name, body.topology_version);
    await own.broker.evictObject('Subscription', `${own.broker.namespace}/${own.name}#${subscription}`);
    await own.publish(2);
    await own.endpoint.untilRequests(2);
    await own.untilEmpty();
    expect(own.bodies()).toEqual([1, 2]);
  });
});
