/** CloudEvents over HTTP: each form to each target, and what is refused. */

import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Posthorn, type CloudEvent } from '../../../sdk/index.ts';
import { LockedBroker, ROOT } from '../access/support.ts';

let locked: LockedBroker;
let posthorn: Posthorn;
let url: string;
beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('events');
  url = `${locked.broker.url}/v1/events/events`;
  posthorn = new Posthorn({ url: locked.broker.url, namespace: 'events', token: ROOT });
  await posthorn.topics.declare('log', { partitions: 1 });
  await posthorn.queues.declare('jobs', { dedupWindowMs: 60_000 });
  await posthorn.exchanges.declare('router', { type: 'topic' });
  await posthorn.exchanges.bind('router', { queue: 'jobs' }, { routingKey: 'order.#' });
});
afterAll(() => locked.broker.stop());

const event = (id: string, more: Partial<CloudEvent> = {}): CloudEvent => ({
  specversion: '1.0',
  id,
  source: '/shop',
  type: 'order.created',
  ...more,
});

async function send(
  query: string,
  body: unknown,
  headers: Record<string, string> = { 'content-type': 'application/cloudevents+json' },
): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(`${url}?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ROOT}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

async function lastRecord(): Promise<Record<string, unknown>> {
  const path = `${locked.broker.url}/v1/events/topics/log/partitions/0/records?offset=earliest`;
  const reply = await fetch(path, { headers: { authorization: `Bearer ${ROOT}` } });
  const { records } = (await reply.json()) as { records: Record<string, unknown>[] };
  return records.at(-1)!;
}

const bodies = async (): Promise<unknown[]> =>
  (await posthorn.queues.peek('jobs', { max: 100 })).map(({ body }) => body);

describe('an event', () => {
  it('as JSON becomes a record, with its attributes as headers', async () => {
    const data = '{"n":9007199254740993}';
    const text = `{"specversion":"1.0","id":"a","source":"/s","type":"t","subject":"c-7","data":${data}}`;
    const { status, json } = await send('topic=log&key=subject', text);
    expect([status, json]).toMatchObject([200, { offsets: [{ partition: 0 }] }]);
    expect(await lastRecord()).toMatchObject({
      key: 'c-7',
      headers: { ce_specversion: '1.0', ce_id: 'a', ce_source: '/s', ce_type: 't', ce_subject: 'c-7' },
    });
  });

  it('in headers becomes a record whose value is the body, byte for byte', async () => {
    const { status } = await send('topic=log', 'a,b\n', {
      'content-type': 'text/csv',
      'ce-specversion': '1.0',
      'ce-id': 'b',
      'ce-source': '/s',
      'ce-type': 't',
      'ce-partitionkey': 'c-8',
    });
    expect(status).toBe(200);
    expect(await lastRecord()).toMatchObject({
      key: 'c-8',
      value: { $base64: btoa('a,b\n') },
      headers: { 'content-type': 'text/csv', ce_id: 'b' },
    });
  });

  it('becomes a message that a window knows again by source and id', async () => {
    const first = event('q1', { data: { total: 12 }, time: '2026-11-27T12:00:00Z' });
    expect((await send('queue=jobs', first)).json).toMatchObject({ stored: 1 });
    expect((await send('queue=jobs', first)).json).toMatchObject({ results: [{ outcome: 'duplicate' }] });
    expect((await send('queue=jobs', { ...first, source: '/other' })).json).toMatchObject({ stored: 1 });
    const [message] = await posthorn.queues.peek('jobs', { max: 1 });
    expect(message).toMatchObject({
      body: { total: 12 },
      headers: { ce_id: 'q1', ce_time: '2026-11-27T12:00:00Z' },
      properties: { messageId: '/shop#q1', type: 'order.created', timestamp: 1795780800000 },
    });
    await posthorn.queues.purge('jobs');
  });

  it.each(['1960-02-29T00:00:00Z', '0001-01-01T00:00:00Z'])(
    'of %s keeps its time, which no property has',
    async (time) => {
      expect((await send('queue=jobs', event(time, { time }))).json).toMatchObject({ stored: 1 });
      const [message] = await posthorn.queues.peek('jobs', { max: 1 });
      expect(message).toMatchObject({ headers: { ce_time: time } });
      expect(message?.properties).not.toHaveProperty('timestamp');
      await posthorn.queues.purge('jobs');
    },
  );

  it('is read as its content type says, with attributes in headers as well', async () => {
    const headers = { 'ce-specversion': '1.0', 'ce-id': 'h', 'ce-source': '/h', 'ce-type': 'h' };
    const as = (type: string): Record<string, string> => ({ ...headers, 'content-type': type });
    const one = await send('topic=log', event('body'), as('application/cloudevents+json; charset=utf-8'));
    expect([one.status, await lastRecord()]).toMatchObject([200, { headers: { ce_id: 'body' } }]);
    const batch = await send('topic=log', [event('of a batch')], as('application/cloudevents-batch+json'));
    expect([batch.status, await lastRecord()]).toMatchObject([200, { headers: { ce_id: 'of a batch' } }]);
    const unknown = await send('topic=log', 'x', as('application/cloudevents+avro'));
    expect([unknown.status, unknown.json['code']]).toEqual([415, 'unsupported_media_type']);
  });

  it('is routed by its type, or by the attribute that is named', async () => {
    expect((await send('exchange=router', event('r1', { data: 1 }))).json).toMatchObject({
      messages: [{ destinations: [{ kind: 'queue', name: 'jobs' }] }],
    });
    const bySubject = await send('exchange=router&routing_key=subject', event('r2', { subject: 'mail' }));
    expect(bySubject.json).toMatchObject({ messages: [{ destinations: [] }] });
    expect(await bodies()).toEqual([1]);
    await posthorn.queues.purge('jobs');
  });

  it('comes in batches, also by the SDK', async () => {
    const batch = [event('s1', { data: 1 }), event('s2', { data: 2 }), event('s3', { data: 3 })];
    await posthorn.events.send(batch, { queue: 'jobs' });
    await posthorn.events.send(batch, { queue: 'jobs' });
    expect(await bodies()).toEqual([1, 2, 3]);
    const [wrong] = await Promise.allSettled([
      posthorn.events.send([batch[0]!, event('')], { queue: 'jobs' }),
    ]);
    expect(wrong).toMatchObject({ reason: { code: 'invalid_event', details: { index: 1 } } });
  });

  describe('that the SDK of CloudEvents has written', () => {
    interface Written {
      headers: Record<string, string>;
      body: string;
    }
    const { CloudEvent: Event, HTTP } = createRequire(import.meta.url)('cloudevents') as {
      CloudEvent: new (event: object) => object;
      HTTP: Record<'binary' | 'structured', (event: object) => Written>;
    };

    it.each(['binary', 'structured'] as const)('is stored, as %s', async (form) => {
      const given = {
        ...event(`sdk-${form}`),
        subject: 'a, b=c',
        region: 'eu',
        data: { n: [1.5, 'é'] },
      };
      const written = HTTP[form](new Event(given));
      const { status } = await send('topic=log', written.body, written.headers);
      const { specversion, id, source, type, subject, region, data } = given;
      expect([status, await lastRecord()]).toMatchObject([
        200,
        {
          value: data,
          headers: {
            ce_specversion: specversion,
            ce_id: id,
            ce_source: source,
            ce_type: type,
            ce_subject: subject,
            ce_region: region,
          },
        },
      ]);
    });
  });

  it('in headers that are no UTF-8 is refused: what is stored is what was sent', async () => {
    const { json } = await send('topic=log', 'x', {
      'ce-specversion': '1.0',
      'ce-id': 'gr\u00f6\u00dfe',
      'ce-source': '/s',
      'ce-type': 't',
    });
    expect(json).toMatchObject({ code: 'invalid_event', detail: expect.stringContaining('ce-id') });
  });

  it('of many bytes is stored', async () => {
    const data = 'x'.repeat(900_000);
    expect((await send('topic=log', event('large', { data }))).status).toBe(200);
    expect(await lastRecord()).toMatchObject({ value: data });
  });

  it.each([
    ['topic=log&queue=jobs', event('1'), 'invalid_field'],
    ['', event('1'), 'invalid_field'],
    ['topic=log&routing_key=type', event('1'), 'invalid_field'],
    ['topic=log&key=subject', event('1'), 'invalid_event'],
    ['topic=nothing', event('1'), 'topic_not_found'],
    ['queue=nothing', event('1'), 'queue_not_found'],
    ['exchange=nothing', event('1'), 'exchange_not_found'],
    ['topic=log', [], 'invalid_event'],
    ['topic=log', [event('1')], 'invalid_event'],
    ['topic=log', '{', 'malformed_json'],
    ['topic=log', { ...event('1'), specversion: '2.0' }, 'invalid_event'],
  ])('is refused: %s %j', async (query, body, code) => {
    expect((await send(query, body)).json).toMatchObject({ code });
  });

  it('of a form that nobody knows is refused, with the forms that are known', async () => {
    const { status, json } = await send('topic=log', '<a/>', { 'content-type': 'application/xml' });
    expect([status, json['code']]).toEqual([415, 'unsupported_media_type']);
  });
});

it('a sender may ask before it sends', async () => {
  const headers = { authorization: `Bearer ${ROOT}`, 'webhook-request-origin': 'sender.example' };
  const { status, headers: answer } = await fetch(url, { method: 'OPTIONS', headers });
  expect([status, answer.get('webhook-allowed-origin'), answer.get('webhook-allowed-rate')]).toEqual([
    200,
    'sender.example',
    '*',
  ]);
});

it('the right to write to one queue reaches no other', async () => {
  const { token } = await posthorn.tokens.make({
    name: 'jobs only',
    namespace: 'events',
    scopes: [{ kind: 'queue', name: 'jobs', actions: ['write'] }],
  });
  const as = (query: string): Promise<{ status: number }> =>
    send(query, event(`t-${query}`), {
      authorization: `Bearer ${token}`,
      'content-type': 'application/cloudevents+json',
    });
  expect([(await as('queue=jobs')).status, (await as('topic=log')).status]).toEqual([200, 403]);
});
