import { describe, expect, it } from 'vitest';
import { compare, ordered } from '../../../../core/group/assignors/assignor.ts';

const member = (id: string, topics: string[], orderKey = id) => ({ id, orderKey, topics, current: [] });

describe('the input of an assignor in order', () => {
  it('has members by their order key, then their id', () => {
    const { members } = ordered({
      members: [member('b', []), member('a', [], 'z'), member('c', [], 'a')],
      topics: [],
    });
    expect(members.map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    const same = ordered({ members: [member('b', [], 'x'), member('a', [], 'x')], topics: [] });
    expect(same.members.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('has topics by name, that have partitions and subscribers', () => {
    const { topics } = ordered({
      members: [member('m', ['u', 't', 't', 'empty']), member('n', ['t'])],
      topics: [
        { name: 'u', partitions: 1 },
        { name: 't', partitions: 2 },
        { name: 'empty', partitions: 0 },
        { name: 'other', partitions: 3 },
      ],
    });
    expect(topics).toEqual([
      { name: 't', partitions: 2, subscribers: [0, 1] },
      { name: 'u', partitions: 1, subscribers: [0] },
    ]);
  });

  it('compares by code units, the same everywhere', () => {
    expect([compare('a', 'b'), compare('b', 'a'), compare('a', 'a'), compare('Z', 'a')]).toEqual([
      -1, 1, 0, -1,
    ]);
  });
});
