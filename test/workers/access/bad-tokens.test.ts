/** Declarations of tokens that are wrong, and changes at the same time: a stable code, and nothing is changed. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenList, TokenMade } from '../../../protocol/schemas/tokens.ts';
import { LockedBroker } from './support.ts';

let locked: LockedBroker;
/** It may manage tokens, read some queues, publish 10 messages a second, and lives for an hour. */
let maker: TokenMade;

const MANAGE = { kind: 'namespace', name: 'team', actions: ['manage'] } as const;
const READ = { kind: 'queue', name: 'orders*', actions: ['read'] } as const;

beforeAll(async () => {
  locked = await LockedBroker.start();
  for (const name of ['team', 'other']) await locked.namespace(name);
  const declaration = {
    name: 'maker',
    namespace: 'team',
    scopes: [MANAGE, READ],
    expires_at: Date.now() + 3_600_000,
    quotas: { publish_per_s: 10 },
  };
  maker = (await locked.call<TokenMade>('POST', '/admin/v1/tokens', declaration)).body;
});
afterAll(() => locked.broker.stop());

const tokens = async (): Promise<TokenList['tokens']> =>
  (await locked.call<TokenList>('GET', '/admin/v1/tokens')).body.tokens.map((token) => ({
    ...token,
    last_used_at: null,
  }));

describe('a token is not made', () => {
  it('from fields that are wrong', async () => {
    const scope = (fields: object) => ({ scopes: [{ ...READ, ...fields }] });
    const bad: [object, string][] = [
      [{}, 'invalid_field'],
      [{ scopes: [] }, 'invalid_field'],
      [{ roles: [] }, 'invalid_field'],
      [scope({ name: '' }), 'invalid_field'],
      [scope({ name: '..' }), 'invalid_field'],
      [scope({ name: 'or*ders' }), 'invalid_field'],
      [scope({ name: '**' }), 'invalid_field'],
      [scope({ name: 'a\u0000b' }), 'invalid_field'],
      [scope({ name: 'x'.repeat(256) }), 'invalid_field'],
      [scope({ name: 'ж'.repeat(128) }), 'invalid_field'], // two bytes each
      [scope({ kind: 'queues' }), 'invalid_field'],
      [scope({ actions: [] }), 'invalid_field'],
      [scope({ actions: ['delete'] }), 'invalid_field'],
      [scope({ action: 'read' }), 'unknown_field'],
      [{ scopes: Array.from({ length: 101 }, () => READ) }, 'invalid_field'],
      [{ roles: ['root'] }, 'invalid_field'],
      [{ roles: ['__proto__'] }, 'invalid_field'],
      [{ roles: ['Admin'] }, 'invalid_field'],
      [{ roles: 'admin' }, 'invalid_field'],
      [{ roles: ['viewer'], expires_at: Date.now() - 1 }, 'invalid_field'],
      [{ roles: ['viewer'], expires_at: 0 }, 'invalid_field'],
      [{ roles: ['viewer'], expires_at: '2001-02-03T04:05:06Z' }, 'invalid_field'],
      [{ roles: ['viewer'], expires_at: 'tomorrow' }, 'invalid_field'],
      [{ roles: ['viewer'], expires_at: 9e15 }, 'invalid_field'],
      [{ roles: ['viewer'], namespace: 'nowhere' }, 'namespace_not_found'],
      [{ roles: ['viewer'], namespace: '*' }, 'invalid_field'],
      [{ roles: ['viewer'], namespace: '../team' }, 'invalid_field'],
      [{ roles: ['viewer'], name: '' }, 'invalid_field'],
      [{ roles: ['viewer'], id: 'mine' }, 'unknown_field'],
      [{ roles: ['viewer'], quotas: { publish_per_s: -1 } }, 'invalid_field'],
    ];
    const before = await tokens();
    for (const [fields, code] of bad) {
      const { body } = await locked.call('POST', '/admin/v1/tokens', {
        name: 'x',
        namespace: 'team',
        ...fields,
      });
      expect([fields, body.code]).toEqual([fields, code]);
    }
    expect(await tokens()).toEqual(before);
  });

  it('that may more than its maker, in whatever way', async () => {
    const good = { name: 'child', namespace: 'team', scopes: [READ] };
    const bad = [
      { scopes: [{ ...READ, name: '*' }] },
      { scopes: [{ ...READ, name: 'order*' }] },
      { scopes: [{ ...READ, kind: '*' }] },
      { scopes: [{ ...READ, actions: ['read', 'write'] }] },
      { scopes: [{ kind: 'topic', name: 'orders', actions: ['view'] }] },
      { scopes: [{ ...MANAGE, name: '*' }] },
      { scopes: [READ], roles: ['metrics'] },
      { namespace: 'other' },
      { namespace: 'nowhere' },
      { expires_at: null },
      { expires_at: Date.now() + 7_200_000 },
      { quotas: { publish_per_s: null } },
      { quotas: { publish_per_s: 10.1 } },
    ];
    const before = await tokens();
    for (const fields of bad) {
      const { body } = await locked.call('POST', '/admin/v1/tokens', { ...good, ...fields }, maker.token);
      expect([fields, body.code]).toEqual([fields, 'forbidden']);
    }
    expect(await tokens()).toEqual(before);
    const { body: child } = await locked.call<TokenMade>('POST', '/admin/v1/tokens', good, maker.token);
    expect(child).toMatchObject({ expires_at: maker.expires_at, quotas: { publish_per_s: 10 } });
  });

  it('by rotating one that may more than the caller', async () => {
    const larger = await locked.token('team', { roles: ['admin'] });
    const { scopes } = maker;
    const faster = await locked.token('team', { scopes, expires_at: maker.expires_at! });
    const before = await tokens();
    for (const { id } of [larger, faster]) {
      const { body } = await locked.call('POST', `/admin/v1/tokens/${id}/rotate`, {}, maker.token);
      expect(body.code).toBe('forbidden');
    }
    expect(await tokens()).toEqual(before);
  });
});

describe('a token in a path', () => {
  it('is not repeated, in whatever form it comes', async () => {
    const { id, token } = await locked.token('team', { roles: ['viewer'] });
    const secret = token.slice(-46);
    for (const written of [
      token,
      `${id}_${secret}`,
      secret,
      token.toUpperCase(),
      `${id}%20`,
      'x'.repeat(500),
    ])
      for (const [method, end] of [
        ['GET', ''],
        ['DELETE', ''],
        ['POST', '/rotate'],
      ] as const) {
        const answer = await locked.call(
          method,
          `/admin/v1/tokens/${written}${end}`,
          method === 'POST' ? {} : undefined,
        );
        expect([answer.status, answer.body.code], written).toEqual([404, 'token_not_found']);
        for (const part of [secret, written].flatMap((text) => [text.slice(0, 8), text.slice(-8)]))
          if (part.length === 8)
            expect(JSON.stringify(answer.body).toLowerCase()).not.toContain(part.toLowerCase());
      }
  });
});

describe('a deep health check', () => {
  it('is for those that may read metrics', async () => {
    const check = async (credential?: string): Promise<number> =>
      (await locked.call('GET', '/healthz?deep=true', undefined, credential)).status;
    expect(await check()).toBe(200);
    for (const role of ['producer', 'consumer', 'operator', 'viewer'] as const)
      expect([role, await check((await locked.token('team', { roles: [role] })).token)]).toEqual([role, 403]);
    for (const role of ['metrics', 'admin'] as const)
      expect([role, await check((await locked.token('team', { roles: [role] })).token)]).toEqual([role, 200]);
    expect(await check('wrong')).toBe(401);
  });
});

describe('a token', () => {
  it('that is rotated twice at once has one new secret', async () => {
    const { id, token } = await locked.token('team', { roles: ['viewer'] });
    const rotate = () =>
      locked.call<TokenMade & { code?: string }>('POST', `/admin/v1/tokens/${id}/rotate`, {});
    const replies = await Promise.all([rotate(), rotate(), rotate()]);
    const made = replies.filter(({ status }) => status === 200);
    expect(made).toHaveLength(1);
    expect(replies.filter(({ body }) => body.code === 'token_rotating')).toHaveLength(2);
    for (const secret of [token, made[0]!.body.token])
      expect((await locked.call('GET', '/v1/team/queues', undefined, secret)).status).toBe(200);
  });

  it('that is revoked and rotated at once is revoked', async () => {
    const { id, token } = await locked.token('team', { roles: ['viewer'] });
    const path = `/admin/v1/tokens/${id}`;
    const [rotated] = await Promise.all([
      locked.call<TokenMade>('POST', `${path}/rotate`, {}),
      locked.call('DELETE', path),
    ]);
    for (const secret of [token, rotated.body.token ?? token])
      expect((await locked.call('GET', '/v1/team/queues', undefined, secret)).status).toBe(401);
    expect((await locked.call('POST', `${path}/rotate`, {})).body.code).toBe('token_revoked');
  });
});
