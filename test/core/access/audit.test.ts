/** Which operations are audited, what a record says, and how refusals are counted. */

import { describe, expect, it } from 'vitest';
import { isKeptFromOthers } from '../../../core/access/audit-topic.ts';
import { changeRecord, RefusalCounts, REFUSALS_MAX } from '../../../core/access/audit.ts';
import { refuseNeed, ROOT, type Identity } from '../../../core/access/identity.ts';
import { ACTIONS, SCOPES_OF_ROLE } from '../../../protocol/access/scopes.ts';
import { isUnchecked } from '../../../protocol/operations/access-rule.ts';
import { operations, type Operation } from '../../../protocol/operations/index.ts';

const ADA: Identity = {
  kind: 'token',
  id: 'ada',
  name: 'Ada',
  namespace: 'shop',
  scopes: SCOPES_OF_ROLE.admin,
  expiresMs: null,
};

it('are those, and only those, that change what is there by the right to manage or to operate, or by the root token', () => {
  const all: Operation[] = Object.values(operations);
  for (const { id, method, access, audit } of all) {
    if (isUnchecked(access)) continue; // its sender has no rights
    const action = access === 'root' ? 'manage' : 'some' in access ? access.some : access.action;
    const changes = method !== 'get' && (action === 'manage' || action === 'operate');
    expect([id, audit === true]).toEqual([id, changes]);
  }
});

it('are written down with who, what, when and from where', () => {
  const call = {
    operation: 'deleteRecords',
    path: '/v1/shop/topics/orders/partitions/0/records',
    query: { before: '7' },
    status: 200,
    address: '192.0.2.1',
    userAgent: 'curl/8 '.repeat(100),
    details: undefined,
  };
  expect(changeRecord(ADA, call, 1_000)).toEqual({
    kind: 'change',
    at: 1_000,
    operation: 'deleteRecords',
    path: '/v1/shop/topics/orders/partitions/0/records',
    query: { before: '7' },
    status: 200,
    by: { kind: 'token', id: 'ada', name: 'Ada' },
    from: { address: '192.0.2.1', user_agent: 'curl/8 '.repeat(100).slice(0, 300) },
  });
});

describe('refusals', () => {
  it('are counted by who, what and why', () => {
    const counts = new RefusalCounts(1_000);
    for (let turn = 0; turn < 3; turn++)
      counts.add({ identity: ADA, operation: 'deleteTopic', code: 'forbidden' });
    counts.add({ identity: { ...ADA, id: 'bob' }, operation: 'deleteTopic', code: 'forbidden' });
    counts.add({ identity: null, operation: '*', code: 'unauthenticated' });
    expect(counts.record(2_000)).toEqual({
      kind: 'refused',
      from_at: 1_000,
      to_at: 2_000,
      refused: [
        {
          by: { kind: 'token', id: 'ada', name: 'Ada' },
          operation: 'deleteTopic',
          code: 'forbidden',
          count: 3,
        },
        {
          by: { kind: 'token', id: 'bob', name: 'Ada' },
          operation: 'deleteTopic',
          code: 'forbidden',
          count: 1,
        },
        { by: null, operation: '*', code: 'unauthenticated', count: 1 },
      ],
    });
  });

  it('are counted together when there are too many kinds', () => {
    const counts = new RefusalCounts(0);
    for (let number = 0; number < REFUSALS_MAX + 30; number++)
      counts.add({ identity: { ...ADA, id: `t${number}` }, operation: 'x', code: 'forbidden' });
    const { refused } = counts.record(1) as { refused: { operation: string; count: number }[] };
    expect(refused).toHaveLength(REFUSALS_MAX + 1);
    expect(refused.at(-1)).toEqual({ by: null, operation: '*', code: '*', count: 30 });
  });
});

describe('the topic', () => {
  it.each(ACTIONS)('is not for others to %s, unless that only looks', (action) => {
    const need = { kind: 'topic', name: 'posthorn.audit', action } as const;
    expect(isKeptFromOthers(need.kind, need.name, action)).toBe(!['view', 'read'].includes(action));
    expect(refuseNeed(ROOT, 'shop', need)).toBeNull();
    const mayAdmin =
      refuseNeed({ ...ADA, scopes: [{ kind: '*', name: '*', actions: ACTIONS }] }, 'shop', need) === null;
    expect(mayAdmin).toBe(['view', 'read'].includes(action));
  });

  it('is read by viewers, who read nothing else', () => {
    const viewer = { ...ADA, scopes: SCOPES_OF_ROLE.viewer };
    expect(refuseNeed(viewer, 'shop', { kind: 'topic', name: 'posthorn.audit', action: 'read' })).toBeNull();
    expect(refuseNeed(viewer, 'shop', { kind: 'topic', name: 'orders', action: 'read' })).not.toBeNull();
  });
});
