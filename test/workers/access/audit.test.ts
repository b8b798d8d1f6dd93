/** The audit of a running broker: what is written down, who reads it, and that nobody can change it. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FetchReply } from '../../../protocol/schemas/records.ts';
import type { TopicReply } from '../../../protocol/schemas/topics.ts';
import type { TokenMade } from '../../../protocol/schemas/tokens.ts';
import { LockedBroker, ROOT } from './support.ts';

const AUDIT = '/v1/shop/topics/posthorn.audit';

interface Entry {
  kind: 'change' | 'refused';
  operation: string;
  path: string;
  query?: object;
  status: number;
  by: { kind: string; id: string; name: string };
  from: { user_agent: string };
  at: number;
  details?: { token?: { id: string }; quotas?: object };
  refused?: { by: { id: string } | null; operation: string; code: string; count: number }[];
}

let locked: LockedBroker;
let admin: TokenMade;
let viewer: TokenMade;

beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('shop');
  admin = await locked.token('shop', { roles: ['admin'] });
  viewer = await locked.token('shop', { roles: ['viewer'] });
});
afterAll(() => locked.broker.stop());

const by = async (credential: string, method: string, path: string, body?: object): Promise<number> =>
  (await locked.call(method, `/v1/shop${path}`, body, credential)).status;

async function entries(namespace = 'shop', credential = ROOT): Promise<Entry[]> {
  const path = `/v1/${namespace}/topics/posthorn.audit/partitions/0/records?offset=earliest&max_records=1000`;
  const { body } = await locked.call<FetchReply>('GET', path, undefined, credential);
  return body.records.map(({ value }) => value as unknown as Entry);
}

/** The operations of the changes since a number of entries. */
const changesSince = async (count: number): Promise<string[]> =>
  (await entries()).slice(count).flatMap(({ kind, operation }) => (kind === 'change' ? [operation] : []));

describe('changes', () => {
  it('are written down with who made them, in the order in which they were made', async () => {
    const before = (await entries()).length;
    const startMs = Date.now();
    const done: [operation: string, method: string, path: string, body?: object][] = [
      ['declareTopic', 'PUT', '/topics/orders', { partitions: 2 }],
      ['changeTopic', 'PATCH', '/topics/orders', { retention_ms: 1_000_000 }],
      ['declareQueue', 'PUT', '/queues/mails', {}],
      ['declareExchange', 'PUT', '/exchanges/events', { type: 'topic' }],
      [
        'bind',
        'POST',
        '/exchanges/events/bindings',
        { destination: { kind: 'queue', name: 'mails' }, routing_key: '#' },
      ],
      ['purgeQueue', 'POST', '/queues/mails/purge'],
      ['pauseQueue', 'POST', '/queues/mails/pause'],
      ['resumeQueue', 'POST', '/queues/mails/resume'],
      ['deleteRecords', 'DELETE', '/topics/orders/partitions/0/records?before=0'],
      ['purgeDeadLetters', 'DELETE', '/queues/mails/dead-letters'],
      ['putLimits', 'PUT', '/limits', { rows_written_per_hour: null }],
      ['deleteQueue', 'DELETE', '/queues/mails'],
    ];
    for (const [operation, method, path, body] of done)
      expect([operation, (await by(admin.token, method, path, body)) < 300]).toEqual([operation, true]);
    const written = (await entries()).slice(before).filter(({ kind }) => kind === 'change');
    expect(written.map(({ operation }) => operation)).toEqual(done.map(([operation]) => operation));
    for (const [index, entry] of written.entries()) {
      expect(entry.by).toEqual({ kind: 'token', id: admin.id, name: 'test' });
      expect(entry.path).toBe(`/v1/shop${done[index]![2].split('?')[0]}`);
      expect(entry.at).toBeGreaterThanOrEqual(startMs);
      expect(entry.from.user_agent).not.toBe('');
    }
    expect(written.find(({ operation }) => operation === 'deleteRecords')!.query).toEqual({ before: '0' });
  });

  it('of tokens and quotas are written down in their namespace, without a secret', async () => {
    const before = (await entries()).length;
    const made = await locked.token('shop', { roles: ['producer'] }, admin.token);
    const rotated = await locked.call<TokenMade>(
      'POST',
      `/admin/v1/tokens/${made.id}/rotate`,
      {},
      admin.token,
    );
    await locked.call('DELETE', `/admin/v1/tokens/${made.id}`, undefined, admin.token);
    await locked.call('PATCH', '/admin/v1/namespaces/shop', { quotas: { publish_per_s: 1e6 } });
    // No operation takes a credential like this, but somebody may put one there.
    for (const name of ['token', 'access_token', 'ACCESS_TOKEN', 'x'])
      await by(admin.token, 'PUT', `/queues/mails?${name}=${admin.token}`, {});
    const written = (await entries()).slice(before);
    expect(written.map(({ operation }) => operation)).toEqual([
      'makeToken',
      'rotateToken',
      'revokeToken',
      'changeNamespace',
      ...Array.from({ length: 4 }, () => 'declareQueue'),
    ]);
    for (const { details } of written.slice(0, 3)) expect(details!.token!.id).toBe(made.id);
    expect(written[3]).toMatchObject({
      by: { kind: 'root', id: 'root' },
      details: { quotas: { publish_per_s: 1e6, deliver_per_s: null } },
    });
    const text = JSON.stringify(await entries());
    for (const secret of [made.token, rotated.body.token, admin.token, ROOT])
      expect(text).not.toContain(secret);
  });

  it('that were refused or failed leave nothing, and neither does the passage of messages', async () => {
    await by(admin.token, 'PUT', '/queues/busy', {});
    const before = (await entries()).length;
    expect(await by(admin.token, 'PUT', '/queues/busy', { max_priority: 40 })).toBe(400);
    expect(await by(admin.token, 'DELETE', '/topics/none')).toBe(404);
    expect(await by(admin.token, 'POST', '/queues/busy/messages', { messages: [{ body: 1 }] })).toBe(200);
    expect(await by(admin.token, 'POST', '/queues/busy/deliveries', { max: 1 })).toBe(200);
    expect(await by(admin.token, 'GET', '/queues')).toBe(200);
    expect(await changesSince(before)).toEqual([]);
  });

  it('are written down although the namespace has written all rows that it may', async () => {
    await by(admin.token, 'PUT', '/limits', { rows_written_per_hour: 1 });
    const before = (await entries()).length;
    for (let turn = 0; turn < 30; turn++)
      expect(await by(admin.token, 'POST', '/queues/busy/purge')).toBe(200);
    expect(await changesSince(before)).toHaveLength(30);
    await by(admin.token, 'PUT', '/limits', { rows_written_per_hour: null });
  });
});

describe('refused attempts', () => {
  it('are counted, and written down with the next change', async () => {
    const before = (await entries()).length;
    for (let turn = 0; turn < 20; turn++) expect(await by(viewer.token, 'DELETE', '/queues/busy')).toBe(403);
    expect(await by(viewer.token, 'POST', '/exchanges/events/messages', { messages: [] })).toBe(403);
    expect((await entries()).length).toBe(before);
    await by(admin.token, 'POST', '/queues/busy/pause');
    const [change, counts] = (await entries()).slice(before) as [Entry, Entry];
    expect(change.operation).toBe('pauseQueue');
    expect(counts.kind).toBe('refused');
    const of = { kind: 'token', id: viewer.id, name: 'test' };
    expect(counts.refused).toEqual([
      { by: of, operation: 'deleteQueue', code: 'forbidden', count: 20 },
      { by: of, operation: 'publish', code: 'forbidden', count: 1 },
    ]);
  });

  it('without a credential are counted for the deployment, whatever namespace they name', async () => {
    for (let turn = 0; turn < 5; turn++) expect(await by('ph_wrong', 'DELETE', '/queues/busy')).toBe(401);
    await locked.call('PUT', '/v1/default/queues/any', {});
    const counted = (await entries('default')).flatMap(({ refused = [] }) => refused);
    expect(counted).toContainEqual({ by: null, operation: '*', code: 'unauthenticated', count: 5 });
    expect(JSON.stringify(await entries())).not.toContain('unauthenticated');
  });
});

describe('the topic of the audit', () => {
  it('keeps 30 days, and is read by viewers', async () => {
    const { body } = await locked.call<TopicReply>('GET', AUDIT, undefined, viewer.token);
    expect(body).toMatchObject({ partitions: 1, retention_ms: 30 * 86_400_000 });
    expect((await entries('shop', viewer.token)).length).toBeGreaterThan(10);
  });

  it('is changed by nobody of the namespace, whatever rights they have', async () => {
    const before = (await entries()).length;
    await by(admin.token, 'PUT', '/exchanges/events', { type: 'topic' });
    const attempts: [method: string, path: string, body?: object][] = [
      ['POST', '/topics/posthorn.audit/records', { records: [{ value: 'forged' }] }],
      ['PUT', '/topics/posthorn.audit', {}],
      ['PATCH', '/topics/posthorn.audit', { retention_ms: 1 }],
      ['DELETE', '/topics/posthorn.audit'],
      ['DELETE', '/topics/posthorn.audit/partitions/0/records?before=1'],
      [
        'POST',
        '/exchanges/events/bindings',
        { destination: { kind: 'topic', name: 'posthorn.audit' }, routing_key: '#' },
      ],
      [
        'POST',
        '/bindings',
        {
          bindings: [
            { source: 'events', destination: { kind: 'topic', name: 'posthorn.audit' }, routing_key: '#' },
          ],
        },
      ],
    ];
    for (const [method, path, body] of attempts) {
      const status = await by(admin.token, method, path, body);
      expect([method, path, status]).toEqual([
        method,
        path,
        path === '/bindings' ? expect.toBeOneOf([400, 403, 404, 405]) : 403,
      ]);
    }
    expect((await entries()).length).toBeGreaterThanOrEqual(before);
    expect(JSON.stringify(await entries())).not.toContain('"forged"');
  });

  it('begins anew when the root token has deleted it', async () => {
    expect((await locked.call('DELETE', AUDIT)).status).toBe(200);
    await by(admin.token, 'POST', '/queues/busy/resume');
    expect((await entries()).map(({ operation }) => operation)).toContain('resumeQueue');
  });
});
