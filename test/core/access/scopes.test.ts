import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allows, allowsSome, covers } from '../../../core/access/scopes.ts';
import {
  ACTIONS,
  RESOURCE_KINDS,
  ROLES,
  SCOPES_OF_ROLE,
  type Action,
  type Need,
  type Scope,
} from '../../../protocol/access/scopes.ts';

const scope = (kind: Scope['kind'], name: string, ...actions: Action[]): Scope => ({ kind, name, actions });

describe('a scope', () => {
  it.each<[string, Scope, string, boolean]>([
    ['an exact name', scope('queue', 'mails', 'read'), 'queue mails read', true],
    ['not a longer name', scope('queue', 'mails', 'read'), 'queue mails.dlq read', false],
    ['every name with the prefix', scope('queue', 'mails*', 'read'), 'queue mails.dlq read', true],
    ['the prefix itself', scope('queue', 'mails*', 'read'), 'queue mails read', true],
    ['not a shorter name', scope('queue', 'mails*', 'read'), 'queue mail read', false],
    ['all names', scope('queue', '*', 'read'), 'queue * read', true],
    ['not all names by a prefix', scope('queue', 'm*', 'read'), 'queue * read', false],
    ['not another kind', scope('queue', '*', 'read'), 'topic orders read', false],
    ['any kind', scope('*', '*', 'read'), 'topic orders read', true],
    ['a view by reading', scope('topic', '*', 'read'), 'topic orders view', true],
    ['a view by writing', scope('topic', '*', 'write'), 'topic orders view', true],
    ['no reading by a view', scope('topic', '*', 'view'), 'topic orders read', false],
    ['no writing by reading', scope('topic', '*', 'read'), 'topic orders write', false],
    ['no reading by managing', scope('queue', '*', 'manage'), 'queue mails read', false],
    ['operating by managing', scope('queue', '*', 'manage'), 'queue mails operate', true],
    ['no managing by operating', scope('queue', '*', 'operate'), 'queue mails manage', false],
    ['no view by metrics', scope('*', '*', 'metrics'), 'queue mails view', false],
  ])('allows %s', (_what, given, need, isAllowed) => {
    const [kind, name, action] = need.split(' ') as [Need['kind'], string, Action];
    expect(allows([given], { kind, name, action })).toBe(isAllowed);
  });

  it('allows nothing when there is none', () => {
    expect(allows([], { kind: 'topic', name: 'orders', action: 'view' })).toBe(false);
  });
});

it('allows an action on something when any scope has it', () => {
  const scopes = [scope('queue', 'mails', 'read'), scope('topic', 'orders*', 'manage')];
  expect(
    ['read', 'manage', 'operate', 'view', 'write'].map((action) => allowsSome(scopes, action as Action)),
  ).toEqual([true, true, true, true, false]);
});

describe('covering', () => {
  const names = fc.constantFrom('*', 'a', 'a*', 'ab', 'ab*', 'b', 'b*');
  const scopes = fc.array(
    fc.record({
      kind: fc.constantFrom<Scope['kind'][]>('*', ...RESOURCE_KINDS),
      name: names,
      actions: fc.uniqueArray(fc.constantFrom(...ACTIONS), { minLength: 1 }),
    }),
    { maxLength: 4 },
  );
  const needs = fc.record({
    kind: fc.constantFrom(...RESOURCE_KINDS),
    name: fc.constantFrom('*', 'a', 'ab', 'abc', 'b', 'c'),
    action: fc.constantFrom(...ACTIONS),
  });

  it('means that the child allows nothing that the parent does not', () => {
    fc.assert(
      fc.property(scopes, scopes, needs, (parent, child, need) => {
        if (covers(parent, child) && allows(child, need)) expect(allows(parent, need)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('holds for the scopes themselves', () => {
    fc.assert(
      fc.property(scopes, (own) => {
        expect(covers(own, own)).toBe(true);
      }),
    );
  });

  it('lets an admin make every role, and no other role an admin', () => {
    for (const role of ROLES) {
      expect(covers(SCOPES_OF_ROLE.admin, SCOPES_OF_ROLE[role])).toBe(true);
      if (role !== 'admin') expect(covers(SCOPES_OF_ROLE[role], SCOPES_OF_ROLE.admin)).toBe(false);
    }
  });
});
