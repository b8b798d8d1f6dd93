/** What a group knew of a topic when it first saw it, as tables. */

import { describe, expect, it } from 'vitest';
import {
  noteBegun,
  noteSubscriptions,
  resetOf,
  subscriptionsOf,
  unbegunTopics,
  withFirstSight,
} from '../../../core/group/first-sight.ts';
import type { TopicRef } from '../../../core/group/group-state.ts';
import { drawGroup, TOPIC } from '../../support/tables/group-picture.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

/**
 * `since` has the subscriptions of the group with their topology versions. The topic is t, made by `id`, of 4 partitions.
 * `known` is what was kept before: id, partitions, latestBelow and isSettled (`-`: not kept).
 */
const SIGHTS = rowsOf<'since' | 'id' | 'known' | 'latestBelow' | 'isSettled' | 'because'>(`
  since    | id | known       | latestBelow | isSettled | because
           | 3  |             | 4           | false     | it was there when the group first saw it
  t@5      | 3  |             | 4           | false     | and when its member subscribed
  t@3      | 3  |             | 4           | false     | in the very version that made it
  t@2      | 3  |             | 0           | true      | it appeared after that
  t*@2     | 3  |             | 0           | true      | also where a pattern waited for it
  u@2      | 3  |             | 4           | false     | a subscription to another topic says nothing
  t@2      | 3  | 3 2 2 false | 2           | false     | what was kept stays, whatever has been added
  t@2      | 3  | 3 2 2 true  | 2           | true      | with what is settled
  t@2      | 3  | 3 2 - -     | 2           | true      | stored before this was kept: all that there were, and settled
  t@2      | 9  | 3 2 2 true  | 0           | true      | made again it has appeared later
`);

describe('the first sight of a topic', () => {
  it.each(SIGHTS)(
    'made by $id, known: "$known", subscribed: "$since" is below $latestBelow: $because',
    (row) => {
      const state = drawGroup('1');
      state.subscribedSince = Object.fromEntries(
        row.since.split(' ').flatMap((text) => {
          const [name, version] = text.split('@');
          return version === undefined ? [] : [[name!, Number(version)]];
        }),
      );
      const ref = withFirstSight(state, 't', { ...TOPIC, id: Number(row.id) }, known(row.known));
      expect({
        below: String(ref.latestBelow),
        settled: String(ref.isSettled),
        partitions: ref.partitions,
      }).toEqual({
        below: row.latestBelow,
        settled: row.isSettled,
        partitions: 4,
      });
    },
  );

  function known(text: string): TopicRef | undefined {
    const [id, partitions, below, settled] = text.split(' ');
    if (partitions === undefined) return undefined;
    return {
      ...TOPIC,
      id: Number(id),
      partitions: Number(partitions),
      ...(below !== '-' && { latestBelow: Number(below), isSettled: settled === 'true' }),
    };
  }
});

describe('where a member begins in a partition without an offset', () => {
  it.each<['earliest' | 'latest', number | undefined, number, string, string]>([
    ['earliest', 4, 0, 'earliest', 'it asks for the start'],
    ['latest', 4, 3, 'latest', 'the partition was there'],
    ['latest', 4, 4, 'earliest', 'the partition was added later'],
    ['latest', 0, 0, 'earliest', 'the topic appeared later'],
    ['latest', undefined, 7, 'latest', 'stored before this was kept: all were there'],
  ])('%s below %s in partition %i: %s, %s', (autoOffsetReset, latestBelow, partition, expected) => {
    const ref = { ...TOPIC, ...(latestBelow !== undefined && { latestBelow }) };
    expect(resetOf({ autoOffsetReset }, ref, partition)).toBe(expected);
  });
});

describe('the subscriptions of a group', () => {
  it('are noted with the version in which they were first', () => {
    const state = drawGroup('1');
    noteSubscriptions(state, { topics: ['t', 'constructor'], pattern: 'p*' }, 3);
    noteSubscriptions(state, { topics: ['t', 'u'], pattern: null }, 5);
    expect(state.subscribedSince).toEqual({ t: 3, constructor: 3, 'p*': 3, u: 5 });
  });

  it('of members stored before they were noted are as old as the target', () => {
    const state = drawGroup('1 ; a');
    state.topologyVersion = 7;
    expect(subscriptionsOf(state)).toEqual({ t: 7 });
  });

  it('that no member has any more are bounded, and the last begun stay', () => {
    const state = drawGroup('1 ; a');
    noteSubscriptions(state, { topics: ['t'], pattern: null }, 0);
    for (let nth = 1; nth <= 1_500; nth++)
      noteSubscriptions(state, { topics: [`x${nth}`], pattern: null }, nth);
    const kept = Object.keys(state.subscribedSince!);
    expect(kept).toHaveLength(1_001);
    expect(kept).toEqual(expect.arrayContaining(['t', 'x501', 'x1500']));
  });
});

describe('topics whose ends have yet to be noted', () => {
  const state = drawGroup('1 ; a ; b');
  const [a, b] = [state.members['a']!, state.members['b']!];
  b.autoOffsetReset = 'latest';

  it.each([
    [{ latestBelow: 4, isSettled: false }, b, [{ name: 't', id: 1, below: 4 }], 'they were there'],
    [{ latestBelow: 4, isSettled: false }, a, [], 'this member begins at the start'],
    [{ latestBelow: 4, isSettled: true }, b, [], 'that has happened'],
    [{}, b, [], 'stored before it was kept'],
    [{ latestBelow: 4, isSettled: false }, { ...b, topics: ['u'] }, [], 'this member reads others'],
    [
      { latestBelow: 4, isSettled: false },
      { ...b, topics: [], pattern: '*' },
      [{ name: 't', id: 1, below: 4 }],
      'a pattern',
    ],
  ])('%j: %#', (fields, member, expected, because) => {
    state.topics = { t: { ...TOPIC, ...fields } };
    expect(unbegunTopics(state, member), because).toEqual(expected);
  });

  it('are noted once, and only of the topic as it is', () => {
    state.topics = { t: { ...TOPIC, latestBelow: 4, isSettled: false } };
    const note = (name: string, id: number): boolean => noteBegun(state, [{ name, id }]);
    expect([note('u', 1), note('t', 2), note('t', 1), note('t', 1)]).toEqual([false, false, true, false]);
    expect(state.topics['t']!.isSettled).toBe(true);
  });
});
