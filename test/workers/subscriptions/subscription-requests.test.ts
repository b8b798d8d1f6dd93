/** Requests of subscriptions: how they are signed, what their headers are, and how each format writes messages. */

import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { PushRequest } from '../../support/clients/push-endpoint.ts';
import { SubscribedQueue } from '../../support/clients/subscribed-queue.ts';

/** By name, so that a checkout whose packages are older can be compiled. */
const load: (name: string) => never = createRequire(import.meta.url) as never;

const own = SubscribedQueue.forTests();

describe('a request', () => {
  const standard = load('standardwebhooks') as unknown as {
    Webhook: new (secret: string) => { verify(body: string, headers: object): unknown };
  };
  const isVerified = (secret: string, { bytes, headers }: PushRequest): boolean => {
    try {
      new standard.Webhook(secret).verify(bytes.toString(), headers);
      return true;
    } catch {
      return false;
    }
  };

  it('is signed with its secret and with the next one, which are not shown again', async () => {
    await own.declare();
    const { secret } = (await own.subscribe()).body;
    expect(secret).toMatch(/^whsec_/);
    await own.publish('ä 1');
    const [first] = await own.endpoint.untilRequests(1);
    expect(isVerified(secret!, first!)).toBe(true);
    const next = `whsec_${Buffer.from('another secret of thirty-two byt').toString('base64')}`;
    expect(isVerified(next, first!)).toBe(false);
    const changed = await own.subscribe({ next_secret: next, authorization: 'Bearer t0ken' });
    expect(changed.body).toMatchObject({ has_next_secret: true, has_authorization: true });
    await own.publish(2);
    const [, second] = await own.endpoint.untilRequests(2);
    expect([secret!, next].map((known) => isVerified(known, second!))).toEqual([true, true]);
    expect(second!.headers.authorization).toBe('Bearer t0ken');
    const shown = JSON.stringify([
      changed.body,
      await own.get(),
      (await own.broker.call('GET', '/v1/default/subscriptions')).body,
      await own.attempts(),
    ]);
    for (const hidden of [secret!, next, 't0ken']) expect(shown).not.toContain(hidden.replace('whsec_', ''));
    await own.subscribe({ secret: next, next_secret: null });
    await own.publish(3);
    const [, , third] = await own.endpoint.untilRequests(3);
    expect([secret!, next].map((known) => isVerified(known, third!))).toEqual([false, true]);
  });

  it('to another server has no credential that was given for the first', async () => {
    await own.declare();
    await own.subscribe({ authorization: 'Bearer t0ken' });
    const other = new URL(own.endpoint.url);
    other.port = '1';
    const moved = { target: { url: other.href } };
    const refused = await own.subscribe(moved);
    expect([refused.status, (refused.body as unknown as { code: string }).code]).toEqual([
      400,
      'invalid_field',
    ]);
    expect((await own.get()).target).toEqual({ url: own.endpoint.url });
    expect((await own.subscribe({ ...moved, authorization: null })).body).toMatchObject({
      ...moved,
      has_authorization: false,
    });
  });

  it('has the headers of the subscription, and not those that the broker sets', async () => {
    await own.declare();
    await own.subscribe({ headers: { 'X-Team': 'shop' } });
    await own.publish(1);
    const [push] = await own.endpoint.untilRequests(1);
    expect(push!.headers).toMatchObject({
      'x-team': 'shop',
      'content-type': 'application/json',
      'posthorn-subscription': own.name,
    });
    for (const name of ['Webhook-Id', 'Content-Type', 'Authorization', 'Host', 'bad name'])
      expect((await own.subscribe({ headers: { [name]: 'x' } })).body.code).toBe('invalid_field');
    expect((await own.subscribe({ headers: { 'x-a': 'two\r\nlines' } })).body.code).toBe('invalid_field');
  });

  it('has the body alone if it is asked to', async () => {
    await own.declare();
    await own.subscribe({ format: 'body', concurrency: 1 });
    await own.publishAll([
      { body: { a: 1 } },
      { body: { $base64: 'aGk=' }, properties: { content_type: 'text/plain' } },
      { body: { $base64: '/wA=' } },
      { body: null },
    ]);
    const requests = await own.endpoint.untilRequests(4);
    expect(requests.map(({ bytes, headers }) => [bytes.toString('latin1'), headers['content-type']])).toEqual(
      [
        ['{"a":1}', 'application/json'],
        ['hi', 'text/plain'],
        ['\xff\0', 'application/octet-stream'],
        ['', 'application/octet-stream'],
      ],
    );
  });

  describe('that is a CloudEvent', () => {
    const { HTTP } = load('cloudevents') as unknown as {
      HTTP: { toEvent(message: object): Record<string, unknown> | Record<string, unknown>[] };
    };
    const eventsOf = ({ headers, bytes }: PushRequest) =>
      [HTTP.toEvent({ headers, body: bytes.toString() })].flat().map((event) => ({ ...event }));

    it.each(['cloudevents-binary', 'cloudevents-structured', 'cloudevents-batch'])(
      'is what the SDK of CloudEvents reads, as %s',
      async (format) => {
        await own.declare();
        await own.subscribe({
          format,
          concurrency: 1,
          ...(format.endsWith('batch') && { batch_messages: 5 }),
        });
        const event = {
          ...{ specversion: '1.0', id: 'é"%1', source: '/shop', type: 'made', subject: 'größe' },
          ...{ datacontenttype: 'application/json', data: { n: 1 } },
        };
        const sent = await own.broker.call(
          'POST',
          `/v1/default/events?queue=${own.name}`,
          JSON.stringify(event),
          {
            'content-type': 'application/cloudevents+json',
          },
        );
        expect(sent.status).toBeLessThan(300);
        await own.publishAll([
          { body: { n: 2 }, properties: { type: 'order.made', message_id: 'm-2', ordering_key: 'k' } },
        ]);
        await own.untilEmpty();
        const [cameSo, other] = own.endpoint.requests.flatMap(eventsOf);
        // Of the binary form the SDK leaves attributes percent-encoded.
        const decoded = (text: unknown) => decodeURIComponent(text as string);
        if (format.endsWith('binary'))
          Object.assign(cameSo!, { id: decoded(cameSo!['id']), subject: decoded(cameSo!['subject']) });
        expect(cameSo).toMatchObject(event);
        expect(other).toMatchObject({
          id: 'm-2',
          type: 'order.made',
          source: `/v1/${own.broker.namespace}/queues/${own.name}`,
          partitionkey: 'k',
          datacontenttype: 'application/json',
          data: { n: 2 },
        });
      },
    );
  });
});
