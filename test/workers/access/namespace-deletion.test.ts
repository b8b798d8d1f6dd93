/** Deletion of namespaces: who may, what is refused meanwhile, and that nothing is left of it. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { NamespaceReply } from '../../../protocol/schemas/namespaces.ts';
import { filesWith, fillNamespace, type Send } from '../../support/broker/full-namespace.ts';
import { LISTS } from '../../support/definition-lists.ts';
import { until } from '../../support/broker/serve-process.ts';
import type { Reply } from '../../support/broker/test-broker.ts';
import { LockedBroker } from './support.ts';

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

const pathOf = (namespace: string): string => `/admin/v1/namespaces/${namespace}`;
const remove = (namespace: string, confirm = namespace): Promise<Reply<NamespaceReply & ProblemDocument>> =>
  locked.call('DELETE', `${pathOf(namespace)}?confirm=${confirm}`);
const read = (namespace: string): Promise<Reply<NamespaceReply & ProblemDocument>> =>
  locked.call('GET', pathOf(namespace));
const failNext = (times: number): Promise<unknown> =>
  fetch(`${locked.broker.url}/test/unreachable?times=${times}`);

const send: Send = async (method, path, body) => {
  const reply = await locked.call<Record<string, unknown>>(method, path, body);
  expect([method, path, reply.status, reply.body]).toMatchObject([method, path, expect.any(Number), {}]);
  if (reply.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`);
  return reply.body;
};

async function removeWhole(namespace: string): Promise<void> {
  expect((await remove(namespace)).status).toBe(202);
  await until('the namespace is gone', async () => (await read(namespace)).status === 404, 20_000);
}

describe('a namespace that is deleted', () => {
  it('shows that it is, refuses everybody, and is gone in the end with all of its bytes', async () => {
    const { admin } = await locked.team('shop');
    await fillNamespace(send, 'shop', 'MARK-shop');
    expect((await filesWith(locked.broker.dataPath, 'MARK-shop')).length).toBeGreaterThan(5);
    const { status, body } = await remove('shop');
    expect([status, body]).toMatchObject([
      202,
      { namespace: 'shop', state: 'deleting', deletion: { freed: 0, left: null } },
    ]);
    expect(await locked.call('GET', '/v1/shop/topics', undefined, admin.token)).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    });
    expect((await locked.call('PUT', '/v1/shop/queues/more', {})).body.code).toBe('namespace_not_found');
    await until('the namespace is gone', async () => (await read('shop')).status === 404, 20_000);
    expect(await filesWith(locked.broker.dataPath, 'MARK-shop')).toEqual([]);
    expect((await locked.call('GET', `/admin/v1/tokens/${admin.id}`)).body.code).toBe('token_not_found');
    const { body: list } = await locked.call<{ namespaces: NamespaceReply[] }>('GET', '/admin/v1/namespaces');
    expect(list.namespaces.map(({ namespace }) => namespace)).not.toContain('shop');
  });

  it('is empty when it is made again', async () => {
    const old = await locked.team('again');
    await fillNamespace(send, 'again', 'MARK-again');
    const first = await send('POST', '/v1/again/producers', {});
    await removeWhole('again');
    await locked.namespace('again');
    for (const kind of LISTS.filter((name) => name !== 'limits')) {
      const { body } = await locked.call<Record<string, unknown[]>>('GET', `/v1/again/${kind}`);
      expect([kind, Object.values(body).flat().filter(isOwn)]).toEqual([kind, []]);
    }
    expect((await locked.call('GET', '/v1/again/topics', undefined, old.admin.token)).status).toBe(401);
    expect((await locked.call('GET', '/v1/again/limits')).body).toMatchObject({
      rows_written_per_hour: null,
    });
    expect((await locked.call('GET', '/v1/again/groups/readers')).body.code).toBe('group_not_found');
    expect((await locked.call('GET', '/v1/again/transactions/payments')).body.code).toBe(
      'transaction_not_found',
    );
    // No id twice, whichever isolate still has some of the old ones.
    const next = await send('POST', '/v1/again/producers', {});
    expect(Number(next['id'])).toBeGreaterThan(Number(first['id']));
    await fillNamespace(send, 'again', 'MARK-second');
    const { body } = await locked.call<{ high_watermark: number }>(
      'GET',
      '/v1/again/topics/events/partitions/0',
    );
    expect(body.high_watermark).toBeLessThan(40);
    expect(await filesWith(locked.broker.dataPath, 'MARK-again')).toEqual([]);
  });

  it('can be neither made nor changed, and has no new tokens, before it is gone', async () => {
    await locked.namespace('held');
    await fillNamespace(send, 'held', 'MARK-held');
    // A partition that cannot be told yet holds the deletion up.
    await failNext(1_000);
    await locked.call('PUT', '/v1/held/topics/late', {});
    await remove('held');
    await until('some is freed', async () => ((await read('held')).body.deletion?.freed ?? 0) > 5);
    const { body } = await read('held');
    expect(body).toMatchObject({ state: 'deleting', deletion: { left: expect.any(Number) } });
    expect(await locked.call('PUT', pathOf('held'), {})).toMatchObject({
      status: 409,
      body: { code: 'namespace_deleting', retryable: true },
    });
    expect((await locked.call('PATCH', pathOf('held'), { quotas: {} })).body.code).toBe('namespace_deleting');
    expect(
      (await locked.call('POST', '/admin/v1/tokens', { name: 'x', namespace: 'held', roles: ['admin'] })).body
        .code,
    ).toBe('namespace_not_found');
    const again = await remove('held');
    expect([again.status, again.body.deletion!.started_at]).toEqual([202, body.deletion!.started_at]);
    await failNext(0);
    await locked.broker.advance(60_000);
    await until('the namespace is gone', async () => (await read('held')).status === 404, 20_000);
    expect(await filesWith(locked.broker.dataPath, 'MARK-held')).toEqual([]);
  });

  it('does not touch another that has the same names', async () => {
    await locked.namespace('left');
    await locked.namespace('right');
    await fillNamespace(send, 'left', 'MARK-left');
    await fillNamespace(send, 'right', 'MARK-right');
    await removeWhole('left');
    const { body } = await locked.call<{ state: { ready: number } }>('GET', '/v1/right/queues/jobs');
    expect(body.state.ready).toBeGreaterThanOrEqual(18);
    expect((await locked.call('GET', '/v1/right/groups/readers')).status).toBe(200);
    expect((await locked.call('GET', '/v1/right/transactions/payments')).status).toBe(200);
  });

  it('stands in the audit of "default"', async () => {
    const path = '/v1/default/topics/posthorn.audit/partitions/0/records?offset=earliest&max_records=1000';
    const { body } = await locked.call<{ records: { value: Record<string, unknown> }[] }>('GET', path);
    expect(body.records.map(({ value }) => value)).toContainEqual(
      expect.objectContaining({ operation: 'deleteNamespace', status: 202, details: { namespace: 'shop' } }),
    );
  });
});

describe('a deletion is refused', () => {
  it('without the name as confirmation, and changes nothing', async () => {
    await locked.namespace('kept');
    await locked.call('PUT', '/v1/kept/queues/jobs', {});
    for (const query of [
      '',
      '?confirm',
      '?confirm=',
      '?confirm=Kept',
      '?confirm=kept*',
      '?confirm=kept&more=1',
    ]) {
      const { status, body } = await locked.call('DELETE', `${pathOf('kept')}${query}`);
      expect([query, status, body.code]).toEqual([
        query,
        400,
        query.includes('more') ? 'unknown_field' : 'not_confirmed',
      ]);
    }
    expect((await read('kept')).body.state).toBe('active');
    expect((await locked.call('GET', '/v1/kept/queues/jobs')).status).toBe(200);
  });

  it('for "default", for what is not there, and by tokens', async () => {
    expect(await remove('default')).toMatchObject({ status: 403, body: { code: 'namespace_reserved' } });
    expect(await remove('nowhere')).toMatchObject({ status: 404, body: { code: 'namespace_not_found' } });
    const { token } = await locked.token('kept', { roles: ['admin'] });
    const own = await locked.call('DELETE', `${pathOf('kept')}?confirm=kept`, undefined, token);
    expect(own).toMatchObject({ status: 403, body: { code: 'forbidden', needs: 'root' } });
    expect((await read('kept')).body.state).toBe('active');
    expect((await read('default')).body.state).toBe('active');
  });
});

/** The default exchange and the audit are of the broker. */
function isOwn(item: unknown): boolean {
  const text = JSON.stringify(item);
  return !text.includes('"amq.') && !text.includes('posthorn.audit');
}
