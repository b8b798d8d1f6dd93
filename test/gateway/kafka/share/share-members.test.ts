/** Which partitions the members of a share group are told to read. */

import { describe, expect, it } from 'vitest';
import { shareOf } from '../../../../gateway/kafka/share/share-members.ts';

describe('the partitions of members', () => {
  it.each([
    [['a'], 3],
    [['a', 'b'], 5],
    [['a', 'b', 'c'], 3],
    [['a', 'b', 'c', 'd', 'e'], 2],
  ])('%j of %d partitions: each has a member, and each member one', (members, partitions) => {
    const shares = members.map((member) => shareOf(members, member, partitions));
    expect(shares.every((share) => share.length > 0)).toBe(true);
    expect(new Set(shares.flat()).size).toBe(partitions);
  });

  it('are none of a topic that is not there, or for who is no member', () => {
    expect(shareOf(['a'], 'a', 0)).toEqual([]);
    expect(shareOf(['a'], 'b', 3)).toEqual([]);
  });
});
