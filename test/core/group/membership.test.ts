import { describe, expect, it } from 'vitest';
import { assignmentOf, emptyGroup, type GroupState, type Member } from '../../../core/group/group-state.ts';
import { noteSeen, sweep, type Lives } from '../../../core/group/liveness.ts';
import { fenced, heartbeat, join, remove, type JoinRequest } from '../../../core/group/membership.ts';
import { acceptTarget } from '../../../core/group/target.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';
import { GROUP_MEMBERS_MAX } from '../../../protocol/limits.ts';

const request: JoinRequest = {
  topics: ['t'],
  pattern: null,
  assignor: 'sticky-cooperative',
  instanceId: null,
  rack: null,
  autoOffsetReset: 'earliest',
  topologyVersion: 1,
  sessionTimeoutMs: 1_000,
};

const joined = (state: GroupState, id: string, fields: Partial<JoinRequest> = {}): Member => {
  const member = join(state, id, { ...request, ...fields });
  if (isFailure(member)) throw new Error(member.message);
  return member;
};

const target = (state: GroupState, members: Record<string, string[]>, id = 1): string =>
  acceptTarget(state, {
    epoch: state.epoch,
    topologyVersion: state.topologyVersion,
    topics: { t: { id, partitions: 4, jurisdiction: null, locationHint: null } },
    members,
  });

const beat = (
  state: GroupState,
  memberId: string,
  epoch: number | null = null,
  held: number[] | 'assigned' | 'unsaid' = 'assigned',
): number[] | Failure => {
  const named = typeof held === 'string' ? held : held.map((partition) => ({ topic: 't', partition }));
  const result = heartbeat(state, { memberId, epoch, held: named, shownEpoch: 0 });
  return isFailure(result) ? result : assignmentOf(result.member).map(({ partition }) => partition);
};

const code = (result: unknown): string => (isFailure(result) ? result.code : 'none');

describe('a handover', () => {
  it('gives a partition to its new owner only when the old one has let go, and stops nobody else', () => {
    const state = emptyGroup();
    joined(state, 'a');
    target(state, { a: ['t/0', 't/1', 't/2', 't/3'] });
    expect(beat(state, 'a')).toEqual([0, 1, 2, 3]);
    const before = state.epoch;
    joined(state, 'b');
    target(state, { a: ['t/0', 't/1'], b: ['t/2', 't/3'] });
    expect(beat(state, 'b'), 'both are still owned').toEqual([]);
    expect(beat(state, 'a', before, []), 'an epoch that knows nothing of it releases nothing').toEqual([
      0, 1,
    ]);
    expect(beat(state, 'b')).toEqual([]);
    expect(beat(state, 'a', state.epoch, [0, 1, 3]), 'one is let go').toEqual([0, 1]);
    expect(beat(state, 'b')).toEqual([2]);
    expect(beat(state, 'a', state.epoch, 'unsaid')).toEqual([0, 1]);
    expect(beat(state, 'b')).toEqual([2]);
    expect(beat(state, 'a', state.epoch, [0, 1])).toEqual([0, 1]);
    expect(beat(state, 'b')).toEqual([2, 3]);
    expect(state.members['a']!.owned['t/0']!.since, 'and was never interrupted').toBe(before);
  });

  it('waits for the fence where the old owner is gone', () => {
    const state = emptyGroup();
    const a = joined(state, 'a');
    joined(state, 'b');
    target(state, { a: ['t/0'], b: ['t/1'] });
    beat(state, 'a');
    remove(state, a);
    target(state, { b: ['t/0', 't/1'] });
    expect(beat(state, 'b')).toEqual([1]);
    fenced(state, 'a');
    expect(beat(state, 'b')).toEqual([0, 1]);
  });

  it('takes no target for another epoch, nor by an older topology', () => {
    const state = emptyGroup();
    joined(state, 'a');
    const stale = { epoch: state.epoch - 1, topologyVersion: 1, topics: {}, members: {} };
    expect(acceptTarget(state, stale)).toBe('refused');
    expect(acceptTarget(state, { ...stale, epoch: state.epoch, topologyVersion: 5 })).toBe('accepted');
    expect(acceptTarget(state, { ...stale, epoch: state.epoch, topologyVersion: 4 })).toBe('refused');
    expect(acceptTarget(state, { ...stale, epoch: state.epoch, topologyVersion: 6 })).toBe('unchanged');
  });

  it('lets go of a topic that was deleted and made again', () => {
    const state = emptyGroup();
    joined(state, 'a');
    target(state, { a: ['t/0'] }, 1);
    beat(state, 'a');
    const first = state.members['a']!.owned['t/0']!.since;
    target(state, { a: ['t/0'] }, 2);
    expect(state.members['a']!.owned).toEqual({});
    beat(state, 'a');
    expect(state.members['a']!.owned['t/0']!.since).toBeGreaterThan(first);
  });
});

describe('static membership', () => {
  it('gives the partitions of an instance to whoever returns under its id, and nobody else moves', () => {
    const state = emptyGroup();
    joined(state, 'a1', { instanceId: 'a' });
    joined(state, 'b');
    target(state, { a1: ['t/0', 't/1'], b: ['t/2', 't/3'] });
    beat(state, 'a1');
    beat(state, 'b');
    const since = state.members['b']!.owned['t/2']!.since;
    joined(state, 'a2', { instanceId: 'a' });
    expect(state.targetEpoch, 'no new target is needed').toBe(state.epoch);
    expect(code(beat(state, 'a1'))).toBe('instance_fenced');
    expect(beat(state, 'a2'), 'the old one has to be fenced first').toEqual([]);
    fenced(state, 'a1');
    expect(beat(state, 'a2')).toEqual([0, 1]);
    expect(beat(state, 'b')).toEqual([2, 3]);
    expect(state.members['b']!.owned['t/2']!.since).toBe(since);
  });

  it('needs a new target where the subscription is another', () => {
    const state = emptyGroup();
    joined(state, 'a1', { instanceId: 'a' });
    target(state, { a1: ['t/0'] });
    joined(state, 'a2', { instanceId: 'a', topics: ['u'] });
    expect(state.targetEpoch).toBeLessThan(state.epoch);
  });
});

describe('what is refused', () => {
  it('an unknown group, an unknown member, an epoch that is not the last', () => {
    const state = emptyGroup();
    expect(code(beat(state, 'a'))).toBe('group_not_found');
    joined(state, 'a');
    joined(state, 'b');
    expect(code(beat(state, 'x'))).toBe('member_not_found');
    const before = JSON.stringify(state);
    expect(code(beat(state, 'b', 1)), 'older than its own joining').toBe('stale_epoch');
    expect(code(beat(state, 'b', 3)), 'has not begun').toBe('stale_epoch');
    const shown = heartbeat(state, { memberId: 'a', epoch: 1, held: [], shownEpoch: 2 });
    expect(code(shown), 'older than one that it has shown').toBe('stale_epoch');
    expect(JSON.stringify(state)).toBe(before);
  });

  it(`member ${GROUP_MEMBERS_MAX + 1}, but not one that replaces another`, () => {
    const state = emptyGroup();
    const first = joined(state, 'first', { instanceId: 'i' });
    for (let nth = 1; nth < GROUP_MEMBERS_MAX; nth++) {
      state.members[`m${nth}`] = { ...first, id: `m${nth}`, instanceId: null };
    }
    const { epoch } = state;
    expect(code(join(state, 'more', request))).toBe('group_full');
    expect([Object.keys(state.members).length, state.epoch]).toEqual([GROUP_MEMBERS_MAX, epoch]);
    expect(code(join(state, 'again', { ...request, instanceId: 'i' }))).toBe('none');
  });
});

describe('time', () => {
  it('removes who was not heard of, and keeps who was', () => {
    const state = emptyGroup();
    const lives: Lives = new Map();
    for (const id of ['a', 'b']) noteSeen(state, lives, joined(state, id).id, 1, 0);
    noteSeen(state, lives, 'b', 1, 600);
    expect(sweep(state, lives, 999).isChanged).toBe(false);
    expect(sweep(state, lives, 1_000).isChanged).toBe(true);
    expect(Object.keys(state.members)).toEqual(['b']);
  });

  it('gives everybody a full session timeout after the object was out of memory, however often it is', () => {
    const state = emptyGroup();
    for (const id of ['a', 'b']) joined(state, id);
    expect(sweep(state, new Map(), 5_000).hasBegunRollCall).toBe(true);
    const lives: Lives = new Map();
    expect(noteSeen(state, lives, 'a', 1, 5_800)).toBe(true);
    sweep(state, new Map(), 5_900); // out of memory again: a has answered, b has not
    sweep(state, new Map(), 5_999);
    expect(Object.keys(state.members)).toEqual(['a', 'b']);
    sweep(state, new Map(), 6_000);
    expect(Object.keys(state.members)).toEqual(['a']);
    expect(state.rollCall?.missing, 'a is asked for again: nobody remembers when it was heard of').toEqual([
      'a',
    ]);
  });
});
