/** Targets as a table: which are accepted, and what becomes of ownerships. */

import { describe, expect, it } from 'vitest';
import type { TopicRef } from '../../../core/group/group-state.ts';
import { acceptTarget, assignorOf, noteTopics, sameTopics } from '../../../core/group/target.ts';
import { ASSIGNOR_DEFAULT, type AssignorName } from '../../../protocol/schemas/groups.ts';
import {
  drawGroup,
  groupProblem,
  pictureOfGroup,
  runInGroup,
  TOPIC,
} from '../../support/tables/group-picture.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

/** The topology has version 1, and the topic 4 partitions. */
const TARGETS = rowsOf<'meets' | 'does' | 'outcome' | 'leaves' | 'because'>(`
  meets                    | does                       | outcome   | leaves                      | because
  1/0 ; a                  | target a=0,1               | accepted  | 1 ; a +0 +1                 | the first
  2/1 ; a 0.1 ; b^2        | target a=0 b=1             | accepted  | 2 ; a 0.1 ; b^2 +1          | who keeps what it owns is not concerned
  2/1 ; a 0.1 1.1 ; b^2    | target a=0 b=1             | accepted  | 3 ; a 0.1 1.1-3 ; b^2 +1    | who is to give something up is to let go, in an epoch of its own
  3/2 ; a 0.1 1.1-2 ; b^2  | target a=0 b=1             | accepted  | 3 ; a 0.1 1.1-2 ; b^2 +1    | by the epoch that revoked it first
  3/2 ; a 0.1 1.1-2 ; b^2  | target a=0,1               | accepted  | 3 ; a 0.1 1.1 ; b^2         | a revocation can be taken back
  2/1 ; a 0.1 ; b^2        | target b=0                 | accepted  | 3 ; a 0.1-3 ; b^2 +0        | a member that is not named gets nothing
  2/1 ; a                  | target epoch=1 a=0         | refused   |                             | it was computed for an epoch that is over
  2/1 ; a                  | target epoch=3 a=0         | refused   |                             | or for one that has not begun
  2/1 ; a                  | target version=0 a=0       | refused   |                             | or by a topology that is older
  2/1 ; a                  | target version=2 a=0       | accepted  | 2 ; a +0                    | a newer one is welcome
  2 ; a 0.1                | target a=0,1               | unchanged |                             | the second of an epoch changes nothing
  2 ; a 0.1                | target version=2 a=0,1     | unchanged |                             | nor by a newer topology, in which the topics are the same
  2 ; a 0.1                | target version=2 partitions=5 a=0,4 | accepted | 3 ; a 0.1 +4        | other topics make an epoch of their own
  2 ; a 0.1                | target version=2 id=9 a=0  | accepted  | 3 ; a +0                    | of a topic that was made again nobody owns anything
  2/1 ; b^2 ; !a.2 0       | target id=9 version=2 b=0  | accepted  | 2 ; b^2 +0 ; !a.2           | and there is nothing left to fence
`);

describe('a target', () => {
  it.each(TARGETS)('$does meets $meets: $outcome, $because', ({ meets, does, outcome, leaves }) => {
    const state = drawGroup(meets);
    const drawn = pictureOfGroup(state);
    expect({ outcome: runInGroup(state, does), leaves: pictureOfGroup(state) }).toEqual({
      outcome,
      leaves: leaves === '' ? drawn : leaves,
    });
    expect(groupProblem(state)).toBeNull();
  });

  it('has every outcome in the table', () => {
    expect(new Set(TARGETS.map(({ outcome }) => outcome))).toEqual(
      new Set(['accepted', 'refused', 'unchanged']),
    );
  });

  it('keeps the topics that are read no more, whose offsets are still there', () => {
    const state = drawGroup('2/1 ; a');
    acceptTarget(state, { epoch: 2, topologyVersion: 2, topics: { u: { ...TOPIC, id: 3 } }, members: {} });
    expect([Object.keys(state.topics), Object.keys(state.formerTopics)]).toEqual([['u'], ['t']]);
    state.targetEpoch = 1;
    acceptTarget(state, { epoch: 2, topologyVersion: 2, topics: { t: TOPIC }, members: {} });
    expect([Object.keys(state.topics), Object.keys(state.formerTopics)]).toEqual([['t'], ['u']]);
  });
});

describe('the assignor of a group', () => {
  it.each<[AssignorName[], AssignorName, string]>([
    [[], ASSIGNOR_DEFAULT, 'nobody asks for one'],
    [['range'], 'range', 'the only member does'],
    [['range', 'round-robin', 'round-robin'], 'round-robin', 'most members do'],
    [['round-robin', 'range'], 'range', 'as many do: the first by name'],
    [['sticky-cooperative', 'range', 'sticky-cooperative'], 'sticky-cooperative', 'most members do'],
  ])('of members that ask for %j is %s: %s', (asked, expected) => {
    const state = drawGroup(['3', ...asked.map((_, nth) => `m${nth}`)].join(' ; '));
    asked.forEach((assignor, nth) => (state.members[`m${nth}`]!.assignor = assignor));
    expect(assignorOf(state)).toBe(expected);
  });
});

describe('the topics of two targets', () => {
  it.each<[Record<string, TopicRef>, boolean, string]>([
    [{ t: TOPIC }, true, 'the same'],
    [{ t: { ...TOPIC, locationHint: 'weur' } }, true, 'a hint makes no other partitions'],
    [{ t: { ...TOPIC, partitions: 5 } }, false, 'one more partition'],
    [{ t: { ...TOPIC, id: 2 } }, false, 'made again'],
    [{ u: TOPIC }, false, 'another one'],
    [{}, false, 'none'],
    [{ t: TOPIC, u: TOPIC }, false, 'one more'],
  ])('%j are the same: %s, %s', (topics, expected) => {
    expect(sameTopics({ t: TOPIC }, topics)).toBe(expected);
  });
});

describe('topics that a group without members has offsets in', () => {
  it('are kept as former ones, and forgotten when they are made again', () => {
    const state = drawGroup('2');
    noteTopics(state, { t: TOPIC, u: { ...TOPIC, id: 2 } });
    expect([Object.keys(state.topics), Object.keys(state.formerTopics)]).toEqual([['t'], ['u']]);
    noteTopics(state, { t: { ...TOPIC, id: 3 } });
    expect([Object.keys(state.topics), state.formerTopics['t']!.id]).toEqual([[], 3]);
  });
});
