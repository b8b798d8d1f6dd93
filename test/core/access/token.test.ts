import type { ScramVerifier } from '../../../core/access/login/scram.ts';
import { describe, expect, it } from 'vitest';
import { ROOT, type Identity } from '../../../core/access/identity.ts';
import { inherited, type Quotas } from '../../../core/access/quotas/quotas.ts';
import {
  hourOfUse,
  identityOf,
  refuseGrant,
  rotated,
  scopesOf,
  type Token,
} from '../../../core/access/token.ts';
import { SCOPES_OF_ROLE } from '../../../protocol/access/scopes.ts';

const token: Token = {
  id: 'one',
  name: 'one',
  namespace: 'team',
  scopes: [{ kind: 'queue', name: '*', actions: ['read'] }],
  roles: [],
  createdMs: 0,
  createdBy: 'root',
  expiresMs: null,
  digest: 'aa',
  previous: null,
  rotatedMs: null,
  revokedMs: null,
  lastUsedMs: null,
};
const NOW_MS = 1_000;

describe('using a token', () => {
  it('gives the identity that it stands for', () => {
    const { id, name, namespace, scopes, expiresMs } = token;
    expect(identityOf(token, false, NOW_MS)).toEqual({
      kind: 'token',
      id,
      name,
      namespace,
      scopes,
      expiresMs,
    });
  });

  it.each<[string, Partial<Token>, boolean, boolean]>([
    ['one that was revoked', { revokedMs: 1 }, false, false],
    ['one that expires now', { expiresMs: NOW_MS }, false, false],
    ['one that expires later', { expiresMs: NOW_MS + 1 }, false, true],
    ['a former secret in its time', { previous: { digest: 'bb', untilMs: NOW_MS + 1 } }, true, true],
    ['a former secret after its time', { previous: { digest: 'bb', untilMs: NOW_MS } }, true, false],
    ['a former secret of none', {}, true, false],
  ])('%s', (_what, fields, isPrevious, isGood) => {
    const found = identityOf({ ...token, ...fields }, isPrevious, NOW_MS);
    expect(found).toMatchObject(isGood ? { kind: 'token' } : { code: 'unauthenticated' });
  });

  it('counts by the hour', () => {
    expect([hourOfUse(3_599_999), hourOfUse(3_600_000)]).toEqual([0, 3_600_000]);
  });
});

describe('making a token', () => {
  const maker: Identity = {
    kind: 'token',
    id: 'maker',
    name: 'maker',
    namespace: 'team',
    scopes: SCOPES_OF_ROLE.operator,
    expiresMs: NOW_MS,
  };

  it('adds what its roles stand for', () => {
    expect(scopesOf(token.scopes, ['metrics'])).toEqual([...token.scopes, ...SCOPES_OF_ROLE.metrics]);
  });

  it('gives no right that the maker has not', () => {
    expect(refuseGrant(maker, { scopes: SCOPES_OF_ROLE.operator, expiresMs: NOW_MS })).toBeNull();
    expect(refuseGrant(maker, { scopes: SCOPES_OF_ROLE.admin, expiresMs: NOW_MS })).toMatchObject({
      code: 'forbidden',
      details: { needs: '*:*:read,write,manage,metrics' },
    });
    expect(refuseGrant(ROOT, { scopes: SCOPES_OF_ROLE.admin, expiresMs: null })).toBeNull();
  });

  it('gives no longer life than the maker has', () => {
    for (const expiresMs of [null, NOW_MS + 1])
      expect(refuseGrant(maker, { scopes: token.scopes, expiresMs })).toMatchObject({ code: 'forbidden' });
    expect(refuseGrant({ ...maker, expiresMs: null }, { scopes: token.scopes, expiresMs: null })).toBeNull();
  });
});

describe('the quotas of a token', () => {
  const maker: Identity = { ...ROOT, kind: 'token', quotas: { publishPerS: 10, connections: null } };
  const refused = (quotas?: Quotas) =>
    refuseGrant(maker, { scopes: [], expiresMs: null, ...(quotas && { quotas }) });

  it('are no larger than those of its maker', () => {
    for (const quotas of [undefined, {}, { publishPerS: null }, { publishPerS: 10.5 }, { deliverPerS: 1 }])
      expect(refused(quotas), JSON.stringify(quotas)).toMatchObject({ code: 'forbidden' });
    for (const quotas of [
      { publishPerS: 10 },
      { publishPerS: 1, deliverPerS: null },
      { publishPerS: 1, connections: 5 },
    ])
      expect(refused(quotas), JSON.stringify(quotas)).toBeNull();
  });

  it('are those of its maker where nothing is said', () => {
    expect(inherited({ deliverPerS: 5 }, maker.quotas)).toEqual({
      publishPerS: 10,
      deliverPerS: 5,
      connections: null,
    });
    expect(inherited({ publishPerS: null }, maker.quotas).publishPerS).toBeNull();
    expect(inherited(undefined, undefined)).toEqual({});
  });
});

const verifierOf = (name: string): ScramVerifier => {
  const keys = { storedKey: `${name} stored`, serverKey: `${name} server` };
  return { salt: 'salt', iterations: 4_096, keys: { 'SCRAM-SHA-256': keys, 'SCRAM-SHA-512': keys } };
};
const NEXT = { digest: 'bb', scram: verifierOf('next') };

describe('rotating a token', () => {
  it('keeps the verifier of the former secret with it', () => {
    const scram = verifierOf('former');
    const changed = rotated({ ...token, scram }, NEXT, NOW_MS + 5, NOW_MS);
    expect(changed).toMatchObject({ ...NEXT, previous: { digest: 'aa', untilMs: NOW_MS + 5, scram } });
    expect(rotated({ ...token, scram }, NEXT, NOW_MS, NOW_MS)).toMatchObject({ ...NEXT, previous: null });
  });

  it('keeps the former secret until a time', () => {
    expect(rotated(token, NEXT, NOW_MS + 5, NOW_MS)).toEqual({
      ...token,
      ...NEXT,
      previous: { digest: 'aa', untilMs: NOW_MS + 5 },
      rotatedMs: NOW_MS,
    });
  });

  it('ends the former secret at once if its time is past', () => {
    expect(rotated(token, NEXT, NOW_MS, NOW_MS)).toMatchObject({ digest: 'bb', previous: null });
  });

  it('refuses while a former secret is good, and after a revocation', () => {
    const previous = { digest: '00', untilMs: NOW_MS + 1 };
    expect(rotated({ ...token, previous }, NEXT, 0, NOW_MS)).toMatchObject({ code: 'token_rotating' });
    expect(rotated({ ...token, revokedMs: 1 }, NEXT, 0, NOW_MS)).toMatchObject({ code: 'token_revoked' });
    expect(rotated({ ...token, previous }, NEXT, 0, NOW_MS + 1)).toMatchObject({ digest: 'bb' });
  });
});
