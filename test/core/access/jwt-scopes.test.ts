/** What the scope strings of a JWT grant, in which namespace. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  grantOf,
  grantsOf,
  onlyNamespace,
  scopesIn,
  type ScopeReading,
} from '../../../core/access/jwt-scopes.ts';
import { SCOPES_OF_ROLE } from '../../../protocol/access/scopes.ts';

const PLAIN: ScopeReading = { prefix: '', aliases: {}, defaults: [] };

describe('one string', () => {
  it.each([
    ['read:shop/orders', 'shop', '*', 'orders', 'read'],
    ['read:shop/orders*', 'shop', '*', 'orders*', 'read'],
    ['read:*/*', '*', '*', '*', 'read'],
    ['write:shop*/*', 'shop*', '*', '*', 'write'],
    ['configure:shop/x', 'shop', '*', 'x', 'manage'],
    ['manage:shop/queue:mails', 'shop', 'queue', 'mails', 'manage'],
    ['view:shop/topic:*', 'shop', 'topic', '*', 'view'],
    ['operate:shop/group:billing*', 'shop', 'group', 'billing*', 'operate'],
    ['metrics:shop/namespace:*', 'shop', 'namespace', '*', 'metrics'],
    ['write:shop/x/*', 'shop', '*', 'x', 'write'],
    ['read:sh%6Fp/a%2Db', 'shop', '*', 'a-b', 'read'],
    ['read:shop/a%2Fb', 'shop', '*', 'a/b', 'read'],
    ['read:shop/My%3AType*', 'shop', '*', 'My:Type*', 'read'],
    ['read:shop/queue:a:b', 'shop', 'queue', 'a:b', 'read'],
    ['write:shop/queue:celery@host%20*', 'shop', 'queue', 'celery@host *', 'write'],
  ])('%s', (text, namespace, kind, name, action) => {
    expect(grantOf(text)).toEqual({ namespace, scopes: [{ kind, name, actions: [action] }] });
  });

  it.each([
    ['role:shop/producer', 'shop', SCOPES_OF_ROLE.producer],
    ['role:*/viewer', '*', SCOPES_OF_ROLE.viewer],
    ['tag:administrator', '*', SCOPES_OF_ROLE.admin],
    ['tag:monitoring', '*', [...SCOPES_OF_ROLE.viewer, ...SCOPES_OF_ROLE.metrics]],
    ['tag:management', '*', SCOPES_OF_ROLE.viewer],
  ])('%s', (text, namespace, scopes) => expect(grantOf(text)).toEqual({ namespace, scopes }));

  it.each([
    '',
    'read',
    'read:',
    'read:shop',
    'read:shop/',
    'read:/orders',
    'read:shop/orders/key.*', // a right for some routing keys only cannot be given
    'read:shop/*orders',
    'read:shop/or*ders',
    'read:sh*op/x',
    'read:shop/**',
    'read:shop/a/b/c',
    'read:shop/stream:x',
    'read:shop/queue:',
    'read:shop/%',
    'delete:shop/x',
    'READ:shop/x',
    ' read:shop/x',
    'role:shop/root',
    'role:shop/constructor',
    'role:shop/*',
    'tag:policymaker',
    'tag:__proto__',
    'openid',
    'read:shop/queue:a%2A',
    'read:%2a/queue:a',
  ])('"%s" grants nothing', (text) => expect(grantOf(text)).toBeNull());
});

describe('the claim', () => {
  it('is a text with spaces, or a list', () => {
    const both = [grantOf('read:a/x')!, grantOf('write:b/*')!];
    expect(grantsOf('read:a/x openid  write:b/*', PLAIN)).toEqual(both);
    expect(grantsOf(['read:a/x', 7, null, 'write:b/*'], PLAIN)).toEqual(both);
  });

  it.each([undefined, null, 7, {}, { length: 1 }, [['read:a/x']]])('grants nothing as %j', (claim) =>
    expect(grantsOf(claim, PLAIN)).toEqual([]),
  );

  it('counts only what begins with the prefix of the broker', () => {
    const reading = { ...PLAIN, prefix: 'posthorn.' };
    expect(grantsOf('read:a/x posthorn.write:b/* other.tag:administrator', reading)).toEqual([
      grantOf('write:b/*'),
    ]);
  });

  it('may say other words, which the setting explains, and the setting may grant to all', () => {
    const reading = {
      prefix: 'posthorn.',
      aliases: { ops: ['role:*/operator'], __proto__x: [] },
      defaults: ['view:*/*'],
    };
    expect(grantsOf(['ops', 'devs'], reading)).toEqual([grantOf('view:*/*'), grantOf('role:*/operator')]);
    expect(grantsOf(['constructor', '__proto__', 'toString'], reading)).toEqual([grantOf('view:*/*')]);
  });

  it('is read up to 500 strings', () => {
    const claim = Array.from({ length: 600 }, (_, number) => `read:a/n${number}`);
    expect(grantsOf(claim, PLAIN)).toHaveLength(500);
    expect(grantsOf(`read:a/${'x'.repeat(700)}`, PLAIN)).toEqual([]);
  });

  it('never throws, and a grant always comes from a string of its own', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom(...Array.from('read:/*wtag%2F ')) })),
        (texts) => {
          expect(grantsOf(texts, PLAIN)).toEqual(texts.flatMap((text) => grantOf(text) ?? []));
        },
      ),
    );
  });
});

describe('in a namespace', () => {
  const grants = grantsOf('read:shop/a write:shop*/b view:*/c', PLAIN);
  it.each([
    ['shop', ['a', 'b', 'c']],
    ['shop-2', ['b', 'c']],
    ['sho', ['c']],
    ['', ['c']],
  ])('"%s" the names are %j', (namespace, names) => {
    expect(scopesIn(grants, namespace).map(({ name }) => name)).toEqual(names);
  });

  it('is the only one if all strings name it', () => {
    expect(onlyNamespace(grantsOf('read:shop/a write:shop/b', PLAIN))).toBe('shop');
    expect(onlyNamespace(grantsOf('read:shop/a write:other/b', PLAIN))).toBeNull();
    expect(onlyNamespace(grantsOf('read:shop*/a', PLAIN))).toBeNull();
    expect(onlyNamespace([])).toBeNull();
  });
});
