/** What is read from the state of a group, as a table of pictures. */

import { describe, expect, it } from 'vitest';
import {
  assignmentOf,
  emptyGroup,
  isEmpty,
  isStable,
  keyOf,
  knownRef,
  own,
  partitionOf,
  refOf,
  revokedOf,
  takenPartitions,
} from '../../../core/group/group-state.ts';
import { drawGroup, TOPIC } from '../../support/tables/group-picture.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const STATES = rowsOf<'group' | 'empty' | 'stable' | 'taken' | 'because'>(`
  group                     | empty | stable | taken | because
  0                         | yes   | yes    |       | there is no group
  2                         | yes   | yes    |       | everybody has left
  2 ; !a.2 0                | no    | no     | 0     | somebody is still to be fenced
  1 ; a 0.1                 | no    | yes    | 0     | its member owns what it is to own
  1 ; a                     | no    | yes    |       | which may be nothing
  2/1 ; a 0.1               | no    | no     | 0     | a target is to be computed
  1 ; a +0                  | no    | no     |       | it is to own what it does not own yet
  2 ; a 0.1-2               | no    | no     | 0     | it owns what it is to let go
  2 ; a 0.1 ; b^2 1.2       | no    | yes    | 0 1   | all of them
  2 ; a 0.1 ; b^2 +1        | no    | no     | 0     | not all of them
`);

describe('a group', () => {
  it.each(STATES)(
    'of $group is empty: $empty, stable: $stable, $because',
    ({ group, empty, stable, taken }) => {
      const state = drawGroup(group);
      const text = (is: boolean): string => (is ? 'yes' : 'no');
      const partitions = [...takenPartitions(state)].map((key) => partitionOf(key).partition);
      expect([text(isEmpty(state)), text(isStable(state)), partitions.join(' ')]).toEqual([
        empty,
        stable,
        taken,
      ]);
    },
  );

  it('has the topics that it reads, and those that it has read', () => {
    const state = { ...emptyGroup(), topics: { t: TOPIC }, formerTopics: { u: { ...TOPIC, id: 2 } } };
    expect([knownRef(state, 't')?.id, knownRef(state, 'u')?.id, knownRef(state, 'toString')]).toEqual([
      1,
      2,
      undefined,
    ]);
    expect(refOf(state, 'u').id).toBe(2);
    expect(() => refOf(state, 'x')).toThrow('does not know');
  });
});

describe('a member', () => {
  it('reads what it owns and is to own, and lets go of the rest, by topic and number', () => {
    const member = drawGroup('3 ; a 10.1 2.1 1.1-2 +3').members['a']!;
    member.owned['s/7'] = { since: 1, revoked: 0 };
    expect(assignmentOf(member).map(keyOf)).toEqual(['s/7', 't/2', 't/10']);
    expect(revokedOf(member).map(keyOf)).toEqual(['t/1']);
  });
});

describe('a name', () => {
  it('finds its own value, and nothing that objects inherit', () => {
    expect([own({ a: 1 }, 'a'), own({ a: 1 }, 'constructor')]).toEqual([1, undefined]);
  });
});
