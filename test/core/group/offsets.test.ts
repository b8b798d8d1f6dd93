import { describe, expect, it } from 'vitest';
import {
  checkClaim,
  checkReset,
  checkWithin,
  fence,
  positionOf,
  raised,
  type GroupOffset,
} from '../../../core/group/offsets.ts';
import { isFailure } from '../../../protocol/errors.ts';

const row = (fields: Partial<GroupOffset> = {}): GroupOffset => ({
  epoch: 5,
  memberId: 'm',
  offset: 10,
  metadata: '',
  usedMs: 0,
  leaderEpoch: null,
  transactions: null,
  ...fields,
});

describe('who may commit', () => {
  it.each<[string, GroupOffset | null, string, number, boolean, string]>([
    ['nobody was here, and the group has not been asked', null, 'm', 3, false, 'unknown'],
    ['nobody was here, and the group says that it is the owner', null, 'm', 3, true, 'raised'],
    ['the member itself, in its epoch', row(), 'm', 5, false, 'held'],
    ['the member itself, which knows a later one', row(), 'm', 9, false, 'held'],
    [
      'the member itself, in an epoch before it owned the partition',
      row(),
      'm',
      4,
      false,
      'partition_not_owned',
    ],
    ['the owner that is known', row(), 'm', 5, true, 'held'],
    ['the member that owns it once more', row(), 'm', 8, true, 'raised'],
    ['another member', row(), 'n', 9, false, 'unknown'],
    ['another member that owned it before', row(), 'n', 4, true, 'partition_not_owned'],
    ['another member that says it began in the same epoch', row(), 'n', 5, true, 'partition_not_owned'],
    ['another member that owns it since', row(), 'n', 6, true, 'raised'],
    ['a member that was fenced', row({ memberId: null }), 'm', 4, false, 'partition_not_owned'],
    [
      'a member that was fenced, whose router asked the group before',
      row({ memberId: null }),
      'm',
      4,
      true,
      'partition_not_owned',
    ],
    ['the first owner after a fence', row({ memberId: null }), 'n', 5, true, 'raised'],
  ])('%s', (_, known, memberId, epoch, isOwner, expected) => {
    const outcome = checkClaim(known, { memberId, epoch, isOwner });
    expect(isFailure(outcome) ? outcome.code : outcome).toBe(expected);
  });

  it('keeps the offset when it changes', () => {
    expect(raised(row(), { memberId: 'n', epoch: 7, isOwner: true }, 3)).toEqual(
      row({ epoch: 7, memberId: 'n', usedMs: 3 }),
    );
    expect(fence(row(), 6, 3)).toEqual(row({ epoch: 6, memberId: null, usedMs: 3 }));
  });

  it('is not changed by a fence that was known, or that comes after the next owner', () => {
    expect(fence(row(), 5, 3)).toBeNull();
    expect(fence(row(), 4, 3)).toBeNull();
  });
});

describe('a reset', () => {
  it('is refused once somebody has joined and read', () => {
    expect(checkReset(row(), 5)?.code).toBe('group_not_empty');
    expect(checkReset(row({ memberId: null }), 5)).toBeNull();
    expect(checkReset(row(), 6)).toBeNull();
    expect(checkReset(null, 1)).toBeNull();
  });
});

describe('a commit', () => {
  it.each([
    [0, 10, null],
    [10, 10, null],
    [11, 10, 'offset_past_end'],
  ])('of %d in a log that ends at %d: %s', (offset, highWatermark, code) => {
    expect(checkWithin(offset, highWatermark)?.code ?? null).toBe(code);
  });
});

describe('where reading goes on', () => {
  const log = { logStartOffset: 4, highWatermark: 20 };
  it.each<[string, GroupOffset | null, 'earliest' | 'latest', number]>([
    ['at what was committed', row(), 'latest', 10],
    ['at the start, where that was committed', row({ offset: -2 }), 'latest', 4],
    ['at the start, where nothing was', null, 'earliest', 4],
    ['at the end, where nothing was', row({ offset: null }), 'latest', 20],
    ['at the start, where what was committed is gone', row({ offset: 1 }), 'latest', 4],
  ])('%s', (_, known, reset, expected) => expect(positionOf(known, log, reset)).toBe(expected));
});
