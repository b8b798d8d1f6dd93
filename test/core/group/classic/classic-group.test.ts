import { describe, expect, it } from 'vitest';
import {
  commonProtocol,
  emptyClassicGroup,
  memberOf,
  membersOf,
  woken,
  type ClassicMember,
  type ClassicPhase,
} from '../../../../core/group/classic/classic-group.ts';

const liking = (...names: string[]) => ({ protocols: names.map((name) => ({ name, metadata: '' })) });

function member(id: string): ClassicMember {
  const timeouts = { sessionTimeoutMs: 10, rebalanceTimeoutMs: 100 };
  const shown = { instanceId: null, clientId: '', clientHost: '' };
  return { id, ...shown, ...timeouts, ...liking('range'), assignment: 'a', isWaiting: true, expiresMs: 1 };
}

describe('the protocol of a group', () => {
  it.each([
    ['of one member is what it likes best', [liking('range', 'sticky')], 'range'],
    ['is what most like best', [liking('a', 'b'), liking('b', 'a'), liking('b', 'a')], 'b'],
    ['is one that all have', [liking('a', 'b'), liking('b')], 'b'],
    ['is none if they have none in common', [liking('a'), liking('b')], null],
    ['is none without members', [], null],
  ])('%s', (_, members, protocol) => {
    expect(commonProtocol(members)).toBe(protocol);
  });
});

describe('a group whose object was out of memory', () => {
  it.each([
    ['empty', null, 'empty', null],
    ['stable', null, 'stable', null],
    ['preparing', 5, 'preparing', 1_100],
    ['completing', 5, 'preparing', 1_100],
  ] as const)(
    'in phase %s gives everybody a new session, and those who had waited join again',
    (before, deadlineMs, after, endsMs) => {
      const group = {
        ...emptyClassicGroup(),
        phase: before as ClassicPhase,
        deadlineMs,
        members: { m: member('m') },
      };
      woken(group, 1_000);
      expect(group).toMatchObject({ phase: after, deadlineMs: endsMs, isInitial: false, pendingIds: {} });
      expect(membersOf(group)).toMatchObject([{ isWaiting: false, expiresMs: 1_010 }]);
    },
  );

  it('finds no member under a name that objects have', () => {
    expect(memberOf(emptyClassicGroup(), 'constructor')).toBeUndefined();
  });
});
