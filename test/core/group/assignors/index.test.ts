import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignors, type Assignment, type AssignorInput } from '../../../../core/group/assignors/index.ts';
import { ASSIGNORS } from '../../../../protocol/schemas/groups.ts';

const topicNames = ['a', 'b', 'c', 'd'];

/** Topics, and members that subscribe to some of them. */
const inputs = (isUniform: boolean): fc.Arbitrary<AssignorInput> =>
  fc
    .record({
      sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
      members: fc.array(fc.subarray(topicNames, { minLength: 1 }), { minLength: 1, maxLength: 9 }),
    })
    .map(({ sizes, members }) => ({
      topics: sizes.map((partitions, nth) => ({ name: topicNames[nth]!, partitions })),
      members: members.map((topics, nth) => ({
        id: `m${nth}`,
        orderKey: `m${nth}`,
        topics: isUniform ? topicNames : topics,
        current: [],
      })),
    }));

const withCurrent = (input: AssignorInput, assignment: Assignment): AssignorInput => ({
  ...input,
  members: input.members.map((member) => ({ ...member, current: assignment.get(member.id) ?? [] })),
});

const partitionsOf = ({ topics, members }: AssignorInput): string[] =>
  topics
    .filter(({ name }) => members.some((member) => member.topics.includes(name)))
    .flatMap(({ name, partitions }) => Array.from({ length: partitions }, (_, nth) => `${name}/${nth}`));

const counts = (assignment: Assignment): number[] => [...assignment.values()].map(({ length }) => length);
const spread = (numbers: number[]): number => Math.max(...numbers) - Math.min(...numbers);
const moves = (before: Assignment, after: Assignment): number =>
  [...after].reduce(
    (sum, [id, keys]) => sum + keys.filter((key) => !before.get(id)?.includes(key)).length,
    0,
  );

describe.each(ASSIGNORS)('the %s assignor', (name) => {
  const assign = assignors[name];

  it('gives every partition to exactly one member, which subscribes to it', () => {
    fc.assert(
      fc.property(inputs(false), (input) => {
        const assignment = assign(input);
        expect([...assignment.keys()].toSorted()).toEqual(input.members.map(({ id }) => id).toSorted());
        expect([...assignment.values()].flat().toSorted()).toEqual(partitionsOf(input).toSorted());
        for (const { id, topics } of input.members) {
          for (const key of assignment.get(id)!) expect(topics).toContain(key.split('/')[0]);
        }
      }),
    );
  });

  it('is balanced within one where all subscribe to the same; range within one for each topic', () => {
    fc.assert(
      fc.property(inputs(true), (input) => {
        const assignment = assign(input);
        if (name !== 'range') expect(spread(counts(assignment))).toBeLessThanOrEqual(1);
        for (const topic of input.topics) {
          if (name !== 'range') continue;
          const ofTopic = [...assignment.values()].map(
            (keys) => keys.filter((key) => key.startsWith(`${topic.name}/`)).length,
          );
          expect(spread(ofTopic)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('gives the same for the same in another order', () => {
    fc.assert(
      fc.property(inputs(false), (input) => {
        const first = assign(input);
        const reversed = assign({ topics: input.topics.toReversed(), members: input.members.toReversed() });
        expect(Object.fromEntries(reversed)).toEqual(Object.fromEntries(first));
      }),
    );
  });

  it('has nothing to do without members or topics', () => {
    expect(assign({ members: [], topics: [{ name: 'a', partitions: 3 }] }).size).toBe(0);
    const member = { id: 'm', orderKey: 'm', topics: ['a'], current: [] };
    expect(assign({ members: [member], topics: [] }).get('m')).toEqual([]);
  });
});

describe('the sticky assignor', () => {
  const assign = assignors['sticky-cooperative'];

  it('changes nothing where nothing has changed', () => {
    fc.assert(
      fc.property(inputs(false), (input) => {
        const first = assign(input);
        expect(moves(first, assign(withCurrent(input, first)))).toBe(0);
      }),
    );
  });

  it('moves as few partitions as balance asks for, when members come and go', () => {
    fc.assert(
      fc.property(inputs(true), fc.integer({ min: 1, max: 12 }), (input, count) => {
        const before = assign(input);
        const members = Array.from({ length: count }, (_, nth) => ({
          id: `m${nth + 2}`, // the first two leave, others come
          orderKey: `m${nth + 2}`,
          topics: topicNames,
          current: before.get(`m${nth + 2}`) ?? [],
        }));
        const after = assign({ ...input, members });
        const total = partitionsOf({ ...input, members }).length;
        const share = Math.floor(total / count);
        // The larger shares go to those that have most: what nobody may keep has to move, and no more.
        const kept = members
          .map(({ current }) => current.length)
          .toSorted((a, b) => b - a)
          .reduce((sum, had, nth) => sum + Math.min(had, share + (nth < total % count ? 1 : 0)), 0);
        expect(spread(counts(after))).toBeLessThanOrEqual(1);
        expect(moves(before, after)).toBe(total - kept);
      }),
    );
  });

  it('leaves no move that would bring two members nearer, where subscriptions differ', () => {
    fc.assert(
      fc.property(inputs(false), (input) => {
        const assignment = assign(input);
        for (const from of input.members) {
          for (const to of input.members) {
            const [has, other] = [assignment.get(from.id)!, assignment.get(to.id)!];
            if (has.length - other.length < 2) continue;
            expect(has.some((key) => to.topics.includes(key.split('/')[0]!))).toBe(false);
          }
        }
      }),
    );
  });

  it('lets only one keep what two say they had', () => {
    const members = ['m0', 'm1'].map((id) => ({ id, orderKey: id, topics: ['a'], current: ['a/0', 'a/1'] }));
    const assignment = assign({ members, topics: [{ name: 'a', partitions: 2 }] });
    expect([...assignment.values()].flat().toSorted()).toEqual(['a/0', 'a/1']);
  });
});
