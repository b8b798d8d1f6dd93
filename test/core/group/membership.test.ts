/** Transitions of a group: as tables, one command a row, and in sequences. */

import { describe, expect, it } from 'vitest';
import { assignmentOf, emptyGroup, type GroupState, type Member } from '../../../core/group/group-state.ts';
import { fenced, heartbeat, join, remove, type JoinRequest } from '../../../core/group/membership.ts';
import { acceptTarget } from '../../../core/group/target.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';
import { GROUP_MEMBERS_MAX } from '../../../protocol/limits.ts';
import { drawGroup, groupProblem, pictureOfGroup, runInGroup } from '../../support/tables/group-picture.ts';
import { rowsOf, type TableRow } from '../../support/tables/text-table.ts';

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

/** `leaves` is empty where nothing changes. */
type Row = TableRow<'meets' | 'does' | 'outcome' | 'leaves' | 'because'>;

const JOINS = rowsOf<keyof Row>(`
  meets                      | does                      | outcome | leaves                                  | because
  0                          | join a                    | joined  | 1/0 ; a                                 | the first member makes the group
  1 ; a 0.1                  | join b                    | joined  | 2/1 ; a 0.1 ; b^2                       | every member makes an epoch, for which a target is to be computed
  3                          | join b                    | joined  | 4/3 ; b^4                               | epochs go on where the group was left
  1 ; a 0.1                  | join b instance=i         | joined  | 2/1 ; a 0.1 ; b^2=i                     | the first of its instance is like any other
  2 ; a=i 0.1 ; b 1.2        | join c instance=i         | joined  | 3 ; b 1.2 ; c^3=i<a +0 ; !a.3 0         | the next takes over the target; the one before has to be fenced
  2 ; a=i +0 ; b 1.2         | join c instance=i         | joined  | 3 ; b 1.2 ; c^3=i<a +0                  | one that owned nothing needs no fence
  2 ; a=i 0.1 ; b 1.2        | join c instance=j         | joined  | 3/2 ; a=i 0.1 ; b 1.2 ; c^3=j           | another instance is another member
  2/1 ; a=i 0.1 ; b 1.2      | join c instance=i         | joined  | 3/1 ; b 1.2 ; c^3=i<a +0 ; !a.3 0       | a target that was behind stays behind
  2 ; a=i 0.1 ; b 1.2        | join c instance=i topics=u | joined | 3/2 ; b 1.2 ; c^3=i<a +0 ; !a.3 0       | another subscription needs another target
  2 ; a=i 0.1 ; b 1.2        | join c instance=i pattern=x* | joined | 3/2 ; b 1.2 ; c^3=i<a +0 ; !a.3 0     | also by pattern
  2 ; a=i 0.1 ; b 1.2        | join c instance=i assignor=sticky-cooperative | joined | 3/2 ; b 1.2 ; c^3=i<a +0 ; !a.3 0 | or by assignor
  1 ; a=i 0.1                | join c instance=i         | joined  | 2 ; c^2=i<a +0 ; !a.2 0                 | also the only member can be replaced
`);

const HEARTBEATS = rowsOf<keyof Row>(`
  meets                      | does                      | outcome               | leaves                  | because
  0                          | beat a                    | group_not_found       |                         | nobody has ever joined
  1 ; a                      | beat x                    | member_not_found      |                         | this one has not, or has left
  2 ; b^2=i<a                | beat a                    | instance_fenced       |                         | another has taken its place
  2 ; b^2=i<a                | beat b                    | reads nothing         |                         | which is the member now
  3 ; a^2                    | beat a epoch=1            | stale_epoch           |                         | older than its own joining
  3 ; a^2                    | beat a epoch=4            | stale_epoch           |                         | of an epoch that has not begun
  3 ; a^2                    | beat a epoch=2 shown=3    | stale_epoch           |                         | older than one that it has shown
  3 ; a^2                    | beat a epoch=2 shown=2    | reads nothing         |                         | it may be behind
  3 ; a^2                    | beat a epoch=3            | reads nothing         |                         | or know the last
  1 ; a +0 +1                | beat a                    | reads 0,1 changed     | 1 ; a 0.1 1.1           | what is free is given to it, from this epoch on
  1 ; a 0.1 1.1              | beat a epoch=1 held=0,1   | reads 0,1             |                         | and stays
  1 ; a 0.1 1.1              | beat a epoch=1 held=      | reads 0,1             |                         | even where it says that it holds nothing
  2 ; a 0.1 ; b^2 +0         | beat b                    | reads nothing         |                         | what another owns is not given
  2 ; a 0.1-2 ; b^2 +0       | beat b                    | reads nothing         |                         | also while it is to let go
  2 ; a 0.1-2 ; b^2 +0       | beat a epoch=1 held=      | reads nothing         |                         | it has not seen the revocation: this lets nothing go
  2 ; a 0.1-2 ; b^2 +0       | beat a epoch=2 held=0     | reads nothing         |                         | it has seen it, and still works on the partition
  2 ; a 0.1-2 ; b^2 +0       | beat a epoch=2 held=unsaid | reads nothing        |                         | or does not say
  2 ; a 0.1-2 ; b^2 +0       | beat a epoch=2 held=      | reads nothing changed | 2 ; a ; b^2 +0          | now it has let go
  2 ; a 0.1-2 ; b^2 +0       | beat a epoch=2            | reads nothing changed | 2 ; a ; b^2 +0          | as it has where it holds no more than it was told
  2 ; a 0.1-2 ; b^2 +0       | beat a                    | reads nothing changed | 2 ; a ; b^2 +0          | also a client that keeps no epoch
  2 ; a ; b^2 +0             | beat b epoch=2            | reads 0 changed       | 2 ; a ; b^2 0.2         | and the next one gets it
  2 ; a 0.1 1.1-2 ; b^2 +1   | beat a epoch=2 held=0     | reads 0 changed       | 2 ; a 0.1 ; b^2 +1      | what stays is never interrupted
  2 ; b^2 +0 ; !a.2 0        | beat b                    | reads nothing         |                         | what is not fenced yet is not given
  2 ; b^2 +0                 | beat b                    | reads 0 changed       | 2 ; b^2 0.2             | what is fenced is
  3 ; a 0.1-2 +1             | beat a epoch=3            | reads 1 changed       | 3 ; a 1.3               | it lets go and is given in one step
  2/1 ; a +0                 | beat a                    | reads 0 changed       | 2/1 ; a 0.2             | by the target that there is
`);

const WAYS_OUT = rowsOf<keyof Row>(`
  meets                      | does                      | outcome | leaves                  | because
  2 ; a 0.1 ; b^2 1.2        | remove a                  | removed | 3/2 ; b^2 1.2 ; !a.3 0  | its partitions are to be fenced, in a new epoch
  2 ; a +0 ; b^2 1.2         | remove a                  | removed | 3/2 ; b^2 1.2           | it owned nothing
  2 ; a 0.1-2 ; b^2 +0       | remove a                  | removed | 3/2 ; b^2 +0 ; !a.3 0   | what it was to let go is fenced, too
  1 ; a 0.1                  | remove a                  | removed | 2 ; !a.2 0              | nobody is left to compute a target for
  2 ; a 0.1 ; b^2 1.2        | remove b                  | removed | 3/2 ; a 0.1 ; !b.3 1    | whichever it is
  3 ; b 1.2 ; !a.3 0         | fenced a                  | noted   | 3 ; b 1.2               | the partitions have been told
  3 ; b 1.2 ; !a.3 0         | fenced x                  | noted   |                         | another one's have not
`);

const QUESTIONS = rowsOf<keyof Row>(`
  meets                      | does                      | outcome          | leaves | because
  0                          | find a                    | group_not_found  |        | there is no group
  1 ; a                      | find a                    | found            |        | it has joined
  1 ; a                      | find b                    | member_not_found |        | it has not
  1 ; a                      | find constructor          | member_not_found |        | no name is inherited
  2 ; b^2=i<a                | find a                    | instance_fenced  |        | another took its place
  3 ; a^2                    | check a epoch=1           | stale_epoch      |        | older than its joining
  3 ; a^2                    | check a epoch=2           | taken            |        | it joined then
  3 ; a^2                    | check a epoch=2 shown=3   | stale_epoch      |        | it has shown a later one
  3 ; a^2                    | check a epoch=3 shown=3   | taken            |        | the last
  3 ; a^2                    | check a epoch=4           | stale_epoch      |        | it has not begun
  3 ; a 0.1 1.2-3 +2         | owns a partitions=0,1,2,3 | 1 2 no no        |        | what it is to give up counts, what it is to get does not
`);

describe.each([
  ['joining', JOINS],
  ['a heartbeat', HEARTBEATS],
  ['a way out', WAYS_OUT],
  ['a question', QUESTIONS],
])('%s', (_, rows) => {
  it.each(rows)('$meets, $does: $outcome, $because', ({ meets, does, outcome, leaves }) => {
    const state = drawGroup(meets);
    const drawn = pictureOfGroup(state);
    expect({ outcome: runInGroup(state, does), leaves: pictureOfGroup(state) }).toEqual({
      outcome,
      leaves: leaves === '' ? drawn : leaves,
    });
    expect(groupProblem(state)).toBeNull();
  });
});

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
