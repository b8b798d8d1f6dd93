/** Subscriptions whose endpoint asks for a token of an OAuth server. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PushEndpoint } from '../support/clients/push-endpoint.ts';
import { SubscribedQueue } from '../support/clients/subscribed-queue.ts';
import { until } from '../support/clients/webhook-receiver.ts';

const own = SubscribedQueue.forTests();
let server: PushEndpoint;
let given = 0;
beforeEach(async () => {
  server = await PushEndpoint.start();
  given = 0;
  server.answer = () => (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ access_token: `t${++given}`, token_type: 'Bearer', expires_in: 3_600 }));
  };
});
afterEach(() => server.stop());

const client = () => ({
  token_url: server.url,
  client_id: 'a client',
  client_secret: 's:ecret',
  scope: 'push',
});

describe('a token', () => {
  it('is got once, used for each request, and never shown', async () => {
    await own.declare();
    const { body } = await own.subscribe({ oauth: client() });
    expect(body).toMatchObject({ has_oauth: true });
    expect(JSON.stringify(body)).not.toContain('s:ecret');
    await own.publish(1, 2, 3);
    await own.untilEmpty();
    expect(own.endpoint.requests.map(({ headers }) => headers.authorization)).toEqual(
      Array.from({ length: 3 }, () => 'Bearer t1'),
    );
    expect(server.requests).toHaveLength(1);
    const [asked] = server.requests;
    expect(asked!.bytes.toString()).toBe('grant_type=client_credentials&scope=push');
    expect(asked!.headers.authorization).toBe(`Basic ${btoa('a+client:s%3Aecret')}`);
    const exported = await own.broker.call('GET', '/v1/default/definitions');
    expect(JSON.stringify(exported.body)).not.toContain('s:ecret');
  });

  it('is got anew when the endpoint refuses it, without a failed attempt', async () => {
    await own.declare();
    const isGood = new Set(['Bearer t1']);
    own.endpoint.answer = ({ headers }) => (isGood.has(headers.authorization!) ? 204 : 401);
    await own.subscribe({ oauth: client() });
    await own.publish(1);
    await own.untilEmpty();
    isGood.clear();
    isGood.add('Bearer t2');
    await own.publish(2);
    await own.untilEmpty();
    expect((await own.get()).state).toMatchObject({ pushed: 2, failed: 0 });
    expect(own.endpoint.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer t1',
      'Bearer t1',
      'Bearer t2',
    ]);
  });

  it.each<[string, PushEndpoint['answer'], string]>([
    ['an error', () => 500, 'answered 500'],
    ['no JSON', () => (response) => response.writeHead(200).end('<html>'), 'no JSON'],
    ['no token', () => (response) => response.writeHead(200).end('{}'), 'no access_token'],
    [
      'a token that no header can hold',
      () => (response) => response.writeHead(200).end('{"access_token": "a\\nb"}'),
      'no access_token',
    ],
    [
      'a redirect',
      () => (response) => response.writeHead(302, { location: 'http://127.0.0.1/' }).end(),
      'answered 302',
    ],
  ])('that cannot be had (%s) makes the attempt fail with the reason', async (_, answer, why) => {
    await own.declare({ retry: { schedule_ms: [] } });
    server.answer = answer;
    await own.subscribe({ oauth: client() });
    await own.publish('waits');
    await until(async () => (await own.attempts()).length > 0, 'an attempt');
    const [attempt] = await own.attempts();
    expect(attempt).toMatchObject({ status: null, outcome: 'failed' });
    expect(attempt!.error).toContain(why);
    expect(own.endpoint.requests).toEqual([]);
  });

  it('goes away with null, and is refused where its server cannot be', async () => {
    await own.declare();
    await own.subscribe({ oauth: client() });
    expect((await own.subscribe({})).body).toMatchObject({ has_oauth: true });
    expect((await own.subscribe({ oauth: null })).body).toMatchObject({ has_oauth: false });
    const wrong = await own.subscribe({ oauth: { ...client(), token_url: 'ftp://127.0.0.1/' } });
    expect(wrong.body.code).toBe('invalid_field');
  });
});
