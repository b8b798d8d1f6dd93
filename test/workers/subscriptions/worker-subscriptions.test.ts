/** Subscriptions that push to a Worker, on the real runtime: what it says of each message, and what becomes of that. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleWorker } from '../../support/broker/kept-bundle.ts';
import type { Direction } from '../../support/broker/directed-worker.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { PushEndpoint } from '../../support/clients/push-endpoint.ts';
import { SubscribedQueue } from '../../support/clients/subscribed-queue.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

interface Seen {
  namespace: string;
  subscription: string;
  source: object;
  isTest: boolean;
  messages: {
    id: string;
    attempts: number;
    body: string | null;
    key: string | null;
    headers: unknown[];
    timestamp: number;
    position?: object;
  }[];
}

const own = new SubscribedQueue();
/** Tells the Worker what to do. */
let director: PushEndpoint;
let names = 0;

beforeAll(async () => {
  director = await PushEndpoint.start();
  const script = await bundleWorker('test/support/broker/directed-worker.ts');
  const silent = 'export default { fetch: () => new Response("no handler") }';
  own.broker = await TestBroker.start({
    own: 'is bound to Workers',
    subscribers: {
      'order-taker': { script, vars: { DIRECTIONS: director.url } },
      silent: { script: silent },
    },
  });
}, 60_000);
afterAll(async () => {
  await own.broker.stop();
  await director.stop();
});
beforeEach(() => {
  own.name = `q${++names}`;
  director.requests.length = 0;
});
afterEach(() => own.broker.call('DELETE', own.path()));

/** What the Worker does with each batch from now on. */
function direct(direct: (seen: Seen) => Direction): void {
  director.answer = ({ bytes }) => {
    const direction = direct(JSON.parse(bytes.toString()) as Seen);
    return (response) => response.end(JSON.stringify(direction));
  };
}

const seen = (): Seen[] => director.json<Seen>();
const bodies = (): (string | null)[][] => seen().map(({ messages }) => messages.map(({ body }) => body));
const subscribe = (fields: object = {}) =>
  own.subscribe({ target: { worker: 'order-taker' }, concurrency: 1, ...fields });

own.endpoint = { url: 'http://127.0.0.1/' } as PushEndpoint;

describe('a Worker', () => {
  it('gets messages with their bytes, key, headers and attempt, and accepts them by returning', async () => {
    direct(() => ({}));
    await own.declare();
    expect((await subscribe()).status).toBe(201);
    await own.publishAll([
      { body: { n: 1.0 }, headers: { team: 'shop' }, properties: { ordering_key: 'k', type: 'made' } },
      { body: null },
    ]);
    await own.untilEmpty();
    expect(seen()).toMatchObject([
      {
        namespace: own.broker.namespace,
        subscription: own.name,
        source: { queue: own.name },
        isTest: false,
        messages: [{ attempts: 1, body: '{"n":1}', key: 'k', headers: [['team', 'shop']] }],
      },
      { messages: [{ body: null, key: null }] },
    ]);
    expect(await own.attempts()).toMatchObject([
      { status: 200, outcome: 'accepted', error: null },
      { status: 200, outcome: 'accepted' },
    ]);
    expect((await own.get()).state).toMatchObject({ pushed: 2, failed: 0 });
  });

  it('says of each message what becomes of it', async () => {
    direct(({ messages }) => ({
      ack: [0],
      retry: messages.flatMap(({ body, attempts }, index) =>
        body !== '"fine"' && attempts === 1 ? [{ index, delayMs: 20 }] : [],
      ),
    }));
    await own.declare({ retry: { schedule_ms: [60_000] } });
    await own.publish('first', 'fine', 'again', 'too');
    await subscribe({ batch_messages: 4 });
    await own.untilEmpty();
    expect(bodies()[0]).toEqual(['"first"', '"fine"', '"again"', '"too"']);
    expect(bodies().slice(1).flat().toSorted()).toEqual(['"again"', '"too"']);
    expect((await own.attempts()).at(-1)).toMatchObject({
      status: 200,
      outcome: 'failed',
      error: 'the Worker wants 2 of 4 messages again',
      messages: 4,
    });
    expect((await own.get()).state).toMatchObject({ pushed: 4, failed: 2, breaker: 'closed' });
  });

  it('that throws gets again what it has not settled, and the dead letter says what it threw', async () => {
    direct(({ messages }) => ({
      ...(messages.length > 1 && { ack: [1] }),
      throws: 'no such table',
    }));
    await own.declare({ retry: { schedule_ms: [10] } });
    await own.publish('poison', 'fine');
    await subscribe({ batch_messages: 2 });
    const [letter] = await own.untilLetters(1);
    expect(letter).toMatchObject({
      error: { type: 'worker_threw', message: 'the Worker threw: TypeError: no such table' },
      metadata: { reason: 'delivery_limit' },
    });
    expect(letter!.error.stack_trace).toContain('TypeError: no such table');
    expect(bodies()).toEqual([['"poison"', '"fine"'], ['"poison"']]);
    await own.untilEmpty();
  });

  it('that hangs gets all again after its time', async () => {
    let isFirst = true;
    direct(() => ({ hangs: isFirst && !(isFirst = false) }));
    await own.declare({ retry: { schedule_ms: [10] } });
    await subscribe({ reply_timeout_ms: 200 });
    await own.publish('slow');
    await own.untilEmpty();
    expect((await own.attempts()).map(({ error }) => error)).toEqual([
      null,
      'the Worker did not return within 200 ms',
    ]);
    expect(seen().map(({ messages: [message] }) => message!.attempts)).toEqual([1, 2]);
  });

  it('may return what it likes, and reads nothing of the wrapper', async () => {
    const replies: unknown[] = [undefined, 'done', { ok: true }, { retry: 'all' }, { retry: [{ index: 1 }] }];
    direct(() => ({ raw: replies[seen().length - 1] ?? null }));
    await own.declare({ retry: { schedule_ms: [] } });
    await subscribe();
    for (const [index] of replies.entries()) {
      await own.publish(index);
      await until(async () => (await own.attempts()).length === index + 1, 'the attempt');
    }
    expect((await own.attempts()).toReversed().map(({ outcome, error }) => error ?? outcome)).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'the Worker threw: expected at most 1 messages in `retry` of the reply',
      'the Worker threw: expected an `index` from 0 to 0 in each entry of `retry`',
    ]);
  });

  it('without the wrapper is tried again when it throws', async () => {
    let isFirst = true;
    direct(() => (isFirst ? ((isFirst = false), { rawThrows: 'raw' }) : {}));
    await own.declare({ retry: { schedule_ms: [10] } });
    await subscribe();
    await own.publish('once more');
    await own.untilEmpty();
    expect((await own.attempts()).at(-1)).toMatchObject({ status: 500, error: 'the Worker threw: raw' });
  });

  it('keeps the order of each key, and of a topic', async () => {
    const failing = new Set(['"a1"', '"b2"']);
    direct(({ messages: [message] }) =>
      failing.delete(message!.body!) ? { retryAll: { delayMs: 10 } } : { ackAll: true },
    );
    await own.declare({ retry: { schedule_ms: [20] } });
    await subscribe({ concurrency: 8 });
    const keyed = ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'];
    await own.publishAll(keyed.map((body) => ({ body, properties: { ordering_key: body[0] } })));
    await own.untilEmpty();
    const ofKey = (key: string) => [
      ...new Set(
        bodies()
          .flat()
          .filter((body) => body!.startsWith(key)),
      ),
    ];
    expect(ofKey('"a')).toEqual(['"a1"', '"a2"', '"a3"']);
    expect(ofKey('"b')).toEqual(['"b1"', '"b2"', '"b3"']);
  });

  it('gets records of a topic in batches, some of them again', async () => {
    direct(({ messages }) => ({
      retry: messages.flatMap(({ body, attempts }, index) =>
        body === '3' && attempts === 1 ? [{ index }] : [],
      ),
    }));
    await own.broker.call('PUT', `/v1/default/topics/${own.name}`, { partitions: 1 });
    await own.broker.produce(
      own.name,
      [0, 1, 2, 3, 4, 5].map((value) => ({ key: `k${value}`, value })),
    );
    await subscribe({
      source: { topic: own.name, from: 'earliest', retry: { schedule_ms: [10] } },
      batch_messages: 10,
    });
    await until(async () => (await own.get()).state.lag === 0, 'no lag');
    expect(bodies()).toEqual([['0', '1', '2', '3', '4', '5'], ['3']]);
    expect(seen()[0]!).toMatchObject({
      source: { topic: own.name },
      messages: [{ key: 'k0', position: { partition: 0, offset: 0 } }, {}, {}, {}, {}, {}],
    });
    expect(seen()[1]!.messages[0]).toMatchObject({ attempts: 2, position: { offset: 3 } });
  });

  it('is told that a test is one', async () => {
    direct(() => ({}));
    await own.declare();
    await subscribe();
    await own.broker.call('POST', own.path('/test'));
    expect(seen()).toMatchObject([{ isTest: true, messages: [{ body: '{"test":true}' }] }]);
  });
});

describe('a Worker that cannot be called', () => {
  it('is refused when it is not bound, with the name of the binding', async () => {
    await own.declare();
    const refused = await subscribe({ target: { worker: 'no-such' } });
    expect(refused).toMatchObject({ status: 400, body: { code: 'worker_unbound' } });
    expect(refused.body.detail).toContain('[[services]] binding = "SUBSCRIBER_NO_SUCH"');
    for (const worker of ['', '../x', 'a b', '1', 'x'.repeat(64)])
      expect((await subscribe({ target: { worker } })).body.code).toBe('invalid_field');
    expect((await own.broker.call('GET', own.path())).status).toBe(404);
  });

  it('has an attempt that says that it has no handler', async () => {
    await own.declare({ retry: { schedule_ms: [] } });
    await subscribe({ target: { worker: 'silent' } });
    await own.publish(1);
    const [letter] = await own.untilLetters(1);
    expect(letter!.error).toMatchObject({ type: 'worker_threw' });
    expect(letter!.error.message).toContain('does not implement the method "posthorn"');
  });
});
