/** Hooks over HTTP: webhooks of each scheme are verified and stored, and what is not signed changes nothing. */

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { HookReceived, HookReply } from '../../../protocol/schemas/hooks.ts';
import { Posthorn } from '../../../sdk/index.ts';
import type { Reply } from '../../support/broker/test-broker.ts';
import { until } from '../../support/clients/webhook-receiver.ts';
import { LockedBroker, ROOT } from '../access/support.ts';

let locked: LockedBroker;
let posthorn: Posthorn;
beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('in');
  posthorn = new Posthorn({ url: locked.broker.url, namespace: 'in', token: ROOT });
  await posthorn.topics.declare('log', { partitions: 1 });
  await posthorn.queues.declare('jobs', { dedupWindowMs: 60_000 });
  await posthorn.exchanges.declare('router', { type: 'topic' });
  await posthorn.exchanges.bind('router', { queue: 'jobs' }, { routingKey: 'invoice.#' });
});
afterAll(() => locked.broker.stop());

const SECRET = "It's a Secret to Everybody";
const STANDARD_SECRET = `whsec_${Buffer.from('a secret that has 32 bytes or so').toString('base64')}`;

function put(hook: string, fields: object): Promise<Reply<HookReply & ProblemDocument>> {
  return locked.call('PUT', `/v1/in/hooks/${hook}`, fields);
}

async function post(
  hook: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  namespace = 'in',
): Promise<{ status: number; body: HookReceived & ProblemDocument }> {
  const url = `${locked.broker.url}/v1/${namespace}/hooks/${hook}`;
  const reply = await fetch(url, { method: 'POST', body, headers });
  return { status: reply.status, body: (await reply.json()) as HookReceived & ProblemDocument };
}

const hmac = (
  secret: string,
  text: string | Uint8Array,
  encoding: 'hex' | 'base64' = 'hex',
  hash = 'sha256',
): string => createHmac(hash, secret).update(text).digest(encoding);

const nowS = (): number => Math.floor(Date.now() / 1_000);

const github = (body: string, id: string, secret = SECRET): Record<string, string> => ({
  'content-type': 'application/json',
  'x-github-event': 'push',
  'x-github-delivery': id,
  'x-hub-signature-256': `sha256=${hmac(secret, body)}`,
});

const stripe = (body: string, timeS = nowS(), secret = SECRET): Record<string, string> => ({
  'stripe-signature': `t=${timeS},v1=${hmac('other', `${timeS}.${body}`)},v1=${hmac(secret, `${timeS}.${body}`)},v0=00`,
});

async function jobs(): Promise<{ body: unknown; headers: object; properties: object }[]> {
  const found = await posthorn.queues.peek('jobs', { max: 100 });
  await posthorn.queues.purge('jobs');
  return found as never;
}

async function lastRecord(): Promise<Record<string, unknown>> {
  const path = '/v1/in/topics/log/partitions/0/records?offset=earliest';
  const { records } = (await locked.call<{ records: Record<string, unknown>[] }>('GET', path)).body;
  return records.at(-1)!;
}

describe('a webhook', () => {
  it('of GitHub is the one of its documentation', async () => {
    await put('github', { target: { topic: 'log', key: 'type' }, scheme: 'github', secret: SECRET });
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    const headers = { 'x-hub-signature-256': signature, 'x-github-event': 'ping' };
    expect(await post('github', 'Hello, World!', headers)).toEqual({
      status: 202,
      body: { hook: 'github', id: null, outcome: 'stored' },
    });
    expect(await lastRecord()).toMatchObject({ key: 'ping', headers: { 'x-github-event': 'ping' } });
  });

  it('of GitHub is stored once in a queue, byte for byte', async () => {
    await put('repo', { target: { queue: 'jobs' }, scheme: 'github', secret: SECRET });
    const body = '{ "n":9007199254740993,\n"text": "größe" }';
    expect(await post('repo', body, github(body, 'd-1'))).toEqual({
      status: 202,
      body: { hook: 'repo', id: 'd-1', outcome: 'stored' },
    });
    expect((await post('repo', body, github(body, 'd-1'))).body.outcome).toBe('duplicate');
    expect((await post('repo', body, github(body, 'd-2'))).body.outcome).toBe('stored');
    const [message, ...others] = await jobs();
    expect(others).toHaveLength(1);
    expect(message).toMatchObject({
      body: { text: 'größe' },
      headers: { 'x-github-event': 'push', 'x-github-delivery': 'd-1' },
      properties: { messageId: 'repo#d-1', type: 'push', contentType: 'application/json' },
    });
  });

  it('of Stripe is routed by its type, while its time is near', async () => {
    await put('pay', { target: { exchange: 'router' }, scheme: 'stripe', secret: SECRET });
    const body = JSON.stringify({ id: 'evt_1', type: 'invoice.paid' });
    expect((await post('pay', body, stripe(body))).body).toEqual({
      hook: 'pay',
      id: 'evt_1',
      outcome: 'stored',
    });
    expect((await post('pay', body, stripe(body))).status).toBe(202);
    expect(await jobs()).toMatchObject([{ properties: { messageId: 'pay#evt_1', type: 'invoice.paid' } }]);
    const other = JSON.stringify({ id: 'evt_2', type: 'charge.failed' });
    expect((await post('pay', other, stripe(other))).body.outcome).toBe('unroutable');
    for (const timeS of [nowS() - 400, nowS() + 400]) {
      const late = await post('pay', body, stripe(body, timeS));
      expect(late).toMatchObject({ status: 401, body: { code: 'invalid_signature' } });
    }
    await put('pay', { target: { exchange: 'router' }, scheme: 'stripe', tolerance_s: 500 });
    expect((await post('pay', body, stripe(body, nowS() - 400))).status).toBe(202);
    await jobs();
  });

  it('as Standard Webhooks are, by their own library', async () => {
    const { body: made } = await put('std', { target: { queue: 'jobs' }, scheme: 'standard' });
    expect(made.secret).toMatch(/^whsec_/);
    const body = JSON.stringify({ type: 'user.made', data: { id: 7 } });
    const signed = (secret: string, at = new Date()): Record<string, string> => ({
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign('msg_1', at, body),
    });
    expect((await post('std', body, signed(made.secret!))).body).toMatchObject({
      id: 'msg_1',
      outcome: 'stored',
    });
    expect((await post('std', body, signed(STANDARD_SECRET))).status).toBe(401);
    await put('std', { target: { queue: 'jobs' }, scheme: 'standard', next_secret: STANDARD_SECRET });
    expect((await post('std', body, signed(STANDARD_SECRET))).body.outcome).toBe('duplicate');
    expect((await post('std', body, signed(made.secret!))).body.outcome).toBe('duplicate');
    expect((await post('std', body, signed(made.secret!, new Date(Date.now() - 1e6)))).status).toBe(401);
    expect(await jobs()).toMatchObject([
      { properties: { type: 'user.made' }, headers: { 'webhook-id': 'msg_1' } },
    ]);
  });

  it('that says odd things of itself is stored all the same', async () => {
    await put('odd', { target: { queue: 'jobs' }, scheme: 'stripe', secret: SECRET });
    const bodies = [
      '{"id":"\\ud800","type":"\\ud800"}',
      '{"id":{},"type":[]}',
      'null',
      '',
      `{"deep":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
      `\ufeff {"id":"b","type":"t"}`,
    ];
    for (const body of bodies) expect((await post('odd', body, stripe(body))).body.outcome).toBe('stored');
    expect((await jobs()).map(({ properties }) => (properties as { type?: string }).type)).toEqual([
      ...bodies.slice(1).map(() => undefined),
      't',
    ]);
  });

  it.each([
    [
      'as of Slack',
      {
        header: 'X-Slack-Signature',
        prefix: 'v0=',
        signed: 'v0:{timestamp}:{body}',
        timestamp_header: 'X-Slack-Request-Timestamp',
      },
      (body: string) => ({
        'x-slack-request-timestamp': String(nowS()),
        'x-slack-signature': `v0=${hmac(SECRET, `v0:${nowS()}:${body}`)}`,
      }),
    ],
    [
      'as of Shopify',
      {
        header: 'X-Shopify-Hmac-SHA256',
        encoding: 'base64',
        id_header: 'X-Shopify-Webhook-Id',
        type_header: 'X-Shopify-Topic',
      },
      (body: string) => ({
        'x-shopify-hmac-sha256': hmac(SECRET, body, 'base64'),
        'x-shopify-webhook-id': 'w-1',
        'x-shopify-topic': 'orders/create',
      }),
    ],
    [
      'with SHA-512, an id and text after the body',
      { header: 'x-sig', hash: 'sha512', signed: '{id}|{body}|end', id_header: 'x-id' },
      (body: string) => ({ 'x-id': '7', 'x-sig': hmac(SECRET, `7|${body}|end`, 'hex', 'sha512') }),
    ],
    [
      'with SHA-1',
      { header: 'x-sig', hash: 'sha1' },
      (body: string) => ({ 'x-sig': hmac(SECRET, body, 'hex', 'sha1') }),
    ],
  ])('by an HMAC that is described, %s', async (_, signature, headersOf) => {
    const target = { queue: 'jobs' };
    const made = await put('own', { target, scheme: 'hmac', signature, secret: SECRET, headers: ['X-Kept'] });
    expect(made.status).toBeLessThan(300);
    const body = '{"a":1}';
    const sent = await post('own', body, { ...headersOf(body), 'x-kept': 'yes' });
    expect([sent.status, sent.body.outcome]).toEqual([202, 'stored']);
    expect(await jobs()).toMatchObject([{ body: { a: 1 }, headers: { 'x-kept': 'yes' } }]);
    expect((await post('own', `${body} `, headersOf(body))).status).toBe(401);
    expect(await jobs()).toEqual([]);
  });

  it('whose queue is full is refused, so that its sender sends it again', async () => {
    await posthorn.queues.declare('small', { maxLength: 1, overflow: 'reject-publish', deadLetter: 'none' });
    await put('small', { target: { queue: 'small' }, scheme: 'github', secret: SECRET });
    expect((await post('small', 'a', github('a', '1'))).status).toBe(202);
    const { status, body } = await post('small', 'b', github('b', '2'));
    expect([status, body.code]).toEqual([429, 'queue_full']);
  });
});

describe('what is not signed', () => {
  it('is refused and changes nothing', async () => {
    await put('repo', { target: { queue: 'jobs' }, scheme: 'github', secret: SECRET });
    const good = github('{}', 'x-1');
    const signature = good['x-hub-signature-256']!;
    const wrong: Record<string, string>[] = [
      {},
      { authorization: `Bearer ${ROOT}` },
      { ...good, 'x-hub-signature-256': '' },
      { ...good, 'x-hub-signature-256': signature.slice(7) },
      { ...good, 'x-hub-signature-256': signature.slice(0, -2) },
      { ...good, 'x-hub-signature-256': `${signature}00` },
      { ...good, 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
      { ...good, 'x-hub-signature-256': 'sha256=' },
      { ...good, 'x-hub-signature-256': `sha256=${'ab'.repeat(5_000)}` },
      github('{}', 'x-1', 'another secret'),
      github('{ }', 'x-1'),
    ];
    for (const headers of wrong)
      expect(await post('repo', '{}', headers)).toMatchObject({
        status: 401,
        body: { code: 'invalid_signature', retryable: false },
      });
    expect(await jobs()).toEqual([]);
  });

  it('is counted in the audit, by the name of its hook', async () => {
    await put('counted', { target: { queue: 'jobs' }, scheme: 'github', secret: SECRET });
    for (let time = 0; time < 3; time++) await post('counted', '{}', {});
    // A change takes the counts along.
    await locked.call('PUT', '/v1/in/hooks/counted', { target: { queue: 'jobs' }, scheme: 'github' });
    await until(async () => {
      const path = '/v1/in/topics/posthorn.audit/partitions/0/records?offset=earliest';
      const { body } = await locked.call<{ records: { value: { refused?: object[] } }[] }>('GET', path);
      const refused = body.records.flatMap(({ value }) => value.refused ?? []);
      return refused.some(
        (one) =>
          JSON.stringify(one) ===
          JSON.stringify({
            by: { kind: 'hook', id: 'counted', name: 'counted' },
            operation: 'receiveHook',
            code: 'invalid_signature',
            count: 3,
          }),
      );
    }, 'the refusals in the audit');
  });

  it('learns nothing of what there is', async () => {
    const replies = await Promise.all([
      post('nothing', '', {}),
      post('nothing', '', {}, 'nowhere'),
      post('not a name', '', {}),
      post('x', '', { authorization: `Bearer ${ROOT}` }),
    ]);
    for (const { status, body } of replies)
      expect([status, body.code, body.detail]).toEqual([404, 'hook_not_found', 'there is no such hook']);
  });
});

describe('a hook', () => {
  it('never shows its secrets again', async () => {
    const fields = { target: { topic: 'log' }, scheme: 'github', headers: ['x-a'] };
    const made = await put('shown', fields);
    expect(made).toMatchObject({
      status: 201,
      body: { hook: 'shown', path: '/v1/in/hooks/shown', has_next_secret: false, tolerance_s: 300 },
    });
    const { secret } = made.body;
    const changed = await put('shown', { ...fields, next_secret: 'the next one' });
    expect([changed.status, changed.body.secret, changed.body.has_next_secret]).toEqual([
      200,
      undefined,
      true,
    ]);
    const seen = [
      await locked.call('GET', '/v1/in/hooks/shown'),
      await locked.call('GET', '/v1/in/hooks'),
      changed,
    ];
    expect(JSON.stringify(seen)).not.toContain(secret);
    expect(JSON.stringify(seen)).not.toContain('the next one');
    expect((await post('shown', 'a', github('a', '1', secret))).status).toBe(202);
    expect((await post('shown', 'a', github('a', '1', 'the next one'))).status).toBe(202);
    await put('shown', { ...fields, secret: 'the next one', next_secret: null });
    expect((await post('shown', 'a', github('a', '1', secret))).status).toBe(401);
  });

  it('that is deleted takes nothing more', async () => {
    await put('gone', { target: { topic: 'log' }, scheme: 'github', secret: SECRET });
    expect((await post('gone', 'a', github('a', '1'))).status).toBe(202);
    expect((await locked.call('DELETE', '/v1/in/hooks/gone')).status).toBe(200);
    expect((await post('gone', 'a', github('a', '1'))).body.code).toBe('hook_not_found');
    expect((await locked.call('GET', '/v1/in/hooks/gone')).body.code).toBe('hook_not_found');
    expect((await locked.call('DELETE', '/v1/in/hooks/gone')).body.code).toBe('hook_not_found');
  });

  it('that is deleted while a body is on its way does not take it', async () => {
    await put('slow', { target: { topic: 'log' }, scheme: 'github', secret: SECRET });
    const { host, hostname, port } = new URL(locked.broker.url);
    const socket = connect(Number(port), hostname);
    const headers = Object.entries({
      ...github('whole', '1'),
      host,
      'content-length': '5',
      connection: 'close',
    });
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.write(`POST /v1/in/hooks/slow HTTP/1.1\r\n${head}\r\nwh`);
    expect((await post('slow', 'a', github('a', '1'))).status).toBe(202);
    expect((await locked.call('DELETE', '/v1/in/hooks/slow')).status).toBe(200);
    socket.write('ole');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    expect(reply.toString()).toContain('HTTP/1.1 404');
    socket.destroy();
  });

  it('whose kept secret is none of its new scheme is refused', async () => {
    const fields = { target: { queue: 'jobs' }, secret: SECRET };
    await put('other', { ...fields, scheme: 'github' });
    const changed = await put('other', { target: { queue: 'jobs' }, scheme: 'standard' });
    expect([changed.status, changed.body.code]).toEqual([400, 'invalid_field']);
    expect((await post('other', 'a', github('a', '1'))).status).toBe(202);
    await jobs();
  });

  it.each([
    [{ target: { queue: 'nothing' }, scheme: 'github' }, 'queue_not_found'],
    [{ target: { topic: 'nothing' }, scheme: 'github' }, 'topic_not_found'],
    [{ target: { exchange: 'nothing' }, scheme: 'github' }, 'exchange_not_found'],
    [{ target: { queue: 'jobs' }, scheme: 'hmac' }, 'invalid_field'],
    [{ target: { queue: 'jobs' }, scheme: 'github', signature: { header: 'x' } }, 'invalid_field'],
    [{ target: { queue: 'jobs' }, scheme: 'standard', secret: 'whsec_no base64' }, 'invalid_field'],
    [{ target: { queue: 'jobs' }, scheme: 'github', secret: 'short' }, 'invalid_field'],
    [{ target: { queue: 'jobs', topic: 'log' }, scheme: 'github' }, 'invalid_field'],
    ...[
      { signed: '{timestamp}.{body}' },
      { signed: '{id}{body}' },
      { signed: '{timestamp}' },
      { signed: '{body}{body}' },
      { timestamp_header: 'x-time' },
      { header: 'x y' },
    ].map((given) => [
      { target: { queue: 'jobs' }, scheme: 'hmac', signature: { header: 'x-sig', ...given } },
      'invalid_field',
    ]),
  ] as [object, string][])('is refused: %j', async (fields, code) => {
    const { body } = await put('refused', fields);
    expect(['invalid_field', 'unknown_field'].includes(body.code) ? 'invalid_field' : body.code).toBe(code);
  });

  it('is made by whoever may manage it and write to its target', async () => {
    const fields = { target: { queue: 'jobs' }, scheme: 'github' };
    const manage = { kind: 'hook', name: 'mine*', actions: ['manage'] } as const;
    const write = { kind: 'queue', name: 'jobs', actions: ['write'] } as const;
    const as = async (scopes: (typeof manage | typeof write)[]): Promise<number> => {
      const { token } = await locked.token('in', { scopes });
      return (await locked.call('PUT', '/v1/in/hooks/mine-1', fields, token)).status;
    };
    expect([await as([manage]), await as([write]), await as([manage, write])]).toEqual([403, 403, 201]);
  });
});
