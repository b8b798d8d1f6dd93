import { describe, expect, it } from 'vitest';
import {
  ANONYMOUS,
  isRoot,
  refuseNamespace,
  refuseNeed,
  refuseRoot,
  refuseSome,
  ROOT,
  type Identity,
} from '../../../core/access/identity.ts';
import type { Need } from '../../../protocol/access/scopes.ts';

const team: Identity = {
  kind: 'token',
  id: 'one',
  name: 'one',
  namespace: 'team',
  scopes: [{ kind: 'queue', name: 'mails*', actions: ['read'] }],
  expiresMs: null,
};
const reading: Need = { kind: 'queue', name: 'mails', action: 'read' };

describe('an identity', () => {
  it('may do what its scopes allow in its namespace', () => {
    expect(refuseNeed(team, 'team', reading)).toBeNull();
    expect(refuseSome(team, 'read')).toBeNull();
  });

  it('may do nothing in another namespace, whether that exists or not', () => {
    expect(refuseNamespace(team, 'other')).toMatchObject({ code: 'forbidden' });
    expect(refuseNeed(team, 'other', reading)).toMatchObject({ code: 'forbidden' });
  });

  it('is told which scope is missing', () => {
    expect(refuseNeed(team, 'team', { ...reading, action: 'write' })).toMatchObject({
      code: 'forbidden',
      details: { needs: 'queue:mails:write' },
    });
    expect(refuseSome(team, 'manage')).toMatchObject({ code: 'forbidden', details: { needs: '*:?:manage' } });
    expect(refuseRoot(team)).toMatchObject({ code: 'forbidden', details: { needs: 'root' } });
  });
});

it.each([ROOT, ANONYMOUS])('$kind may do everything everywhere', (identity) => {
  expect(isRoot(identity)).toBe(true);
  expect(refuseNeed(identity, 'any', { kind: 'namespace', name: 'any', action: 'manage' })).toBeNull();
  expect(refuseSome(identity, 'metrics')).toBeNull();
  expect(refuseRoot(identity)).toBeNull();
});
