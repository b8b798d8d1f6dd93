/** The checker of the crash test notices each way in which a group can break a promise. */

import { describe, expect, it } from 'vitest';
import { GroupLedger } from './group-ledger.ts';

/** Partition 0 was read up to 5, asked for up to 5, and acknowledged up to 3. */
function ledger(): GroupLedger {
  const made = new GroupLedger();
  made.assigned('a', 1, [0, 1]);
  for (let offset = 0; offset < 5; offset++) made.read(0, offset);
  made.asked([{ partition: 0, offset: 3 }]);
  made.acknowledged([{ partition: 0, offset: 3 }]);
  made.asked([{ partition: 0, offset: 5 }]);
  return made;
}

const at = (offset: number | null) => [{ partition: 0, offset }];

describe('GroupLedger', () => {
  it.each([3, 4, 5])('accepts offset %d, as the last commit may have been carried out', (offset) => {
    expect(ledger().check(at(offset))).toEqual([]);
  });

  it('accepts that a partition changes hands with the epoch', () => {
    const made = ledger();
    made.assigned('b', 2, [1]);
    made.assigned('a', 2, [0]);
    made.assigned('a', 2, [0]);
    expect(made.check(at(3))).toEqual([]);
  });

  it.each<[string, (made: GroupLedger) => void, number | null, string]>([
    ['a lost commit', () => {}, 2, 'partition 0 is at 2, 3 was acknowledged'],
    ['a commit that is all gone', () => {}, null, 'partition 0 is at 0, 3 was acknowledged'],
    ['a commit that nobody made', () => {}, 6, 'partition 0 is at 6, no more than 5 was asked for'],
    [
      'a record that was skipped',
      (made) => made.asked([{ partition: 0, offset: 7 }]),
      7,
      'partition 0 is at 7, and nobody has read 5',
    ],
    [
      'a partition with two members',
      (made) => made.assigned('b', 1, [1]),
      3,
      'partition 1 was of a and of b in epoch 1',
    ],
  ])('notices %s', (_, breaking, offset, broken) => {
    const made = ledger();
    breaking(made);
    expect(made.check(at(offset))).toContain(broken);
  });
});
