/** Compaction as a table: which records stay. */

import { describe, expect, it } from 'vitest';
import {
  COMPACTION_KEYS_MAX,
  isWorthCompacting,
  OffsetMap,
  survivesCompaction,
} from '../../../core/log/compaction.ts';
import { bytesOf } from '../../support/batches.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const NOW = 1_000_000;
const policy = { minCleanableDirtyRatio: 0.5, deleteRetentionMs: 1_000 };

/** `last` is the last offset of the key that the map has; the record has offset 5. */
const ROWS = rowsOf<'key' | 'last' | 'tombstone' | 'age' | 'stays' | 'because'>(`
  key | last | tombstone | age  | stays | because
      |      | no        | 9999 | yes   | a record without a key
      |      | yes       | 9999 | yes   | whatever its value
  k   |      | no        | 9999 | yes   | the map knows no other
  k   | 4    | no        | 9999 | yes   | what it knows is earlier
  k   | 5    | no        | 9999 | yes   | it is the last one
  k   | 6    | no        | 0    | no    | there is a later one
  k   | 5    | yes       | 1000 | yes   | a tombstone stays for its time
  k   | 5    | yes       | 1001 | no    | and a millisecond later goes
  k   |      | yes       | 1001 | no    | also where the map does not know it
  k   | 6    | yes       | 0    | no    | or there is a later record
`);

describe('compaction', () => {
  it.each(ROWS)(
    'of key "$key" (last: $last), tombstone: $tombstone, $age ms old: stays $stays, $because',
    (row) => {
      const map = new OffsetMap();
      const key = row.key === '' ? null : bytesOf(row.key);
      if (row.last !== '') map.add({ key, offset: Number(row.last), timestamp: 0, isTombstone: false });
      const record = {
        key,
        offset: 5,
        timestamp: NOW - Number(row.age),
        isTombstone: row.tombstone === 'yes',
      };
      expect(survivesCompaction(record, map, policy, NOW)).toBe(row.stays === 'yes');
    },
  );

  it('tells keys apart that are no text', () => {
    const map = new OffsetMap();
    map.add({ key: new Uint8Array([0xff]), offset: 3, timestamp: 0, isTombstone: false });
    expect([map.lastOffset(new Uint8Array([0xff])), map.lastOffset(new Uint8Array([0xfe]))]).toEqual([
      3,
      undefined,
    ]);
  });

  it.each([
    [0, 100, false, 'nothing is new'],
    [49, 100, false, 'less than the share'],
    [50, 100, true, 'the share, exactly'],
    [1, 0, true, 'a log that has just lost everything'],
  ])('of %i new bytes in %i is worth it: %s, %s', (dirty, all, isWorth) => {
    expect(isWorthCompacting(dirty, all, policy)).toBe(isWorth);
  });

  it('keeps a map of bounded size', () => {
    const map = new OffsetMap();
    for (let nth = 0; nth < COMPACTION_KEYS_MAX - 1; nth++)
      map.add({ key: bytesOf(String(nth)), offset: nth, timestamp: 0, isTombstone: false });
    map.add({ key: bytesOf('0'), offset: 1, timestamp: 0, isTombstone: false });
    expect(map.isFull).toBe(false);
    map.add({ key: bytesOf('one more'), offset: 1, timestamp: 0, isTombstone: false });
    expect(map.isFull).toBe(true);
  });
});
