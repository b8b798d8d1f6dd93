/** What counts of stored bytes, how often it is reported, and how objects are named in reports. */

import { describe, expect, it } from 'vitest';
import {
  countedBytes,
  EMPTY_OBJECT_BYTES,
  parseStoringKey,
  refuseStored,
  storedStep,
  storingKey,
  type StoringObject,
} from '../../../core/cost/stored-bytes.ts';

describe('stored bytes', () => {
  it.each([
    [0, 0],
    [EMPTY_OBJECT_BYTES, 0],
    [EMPTY_OBJECT_BYTES + 1, 1],
    [10_000_000_000, 10_000_000_000 - EMPTY_OBJECT_BYTES],
  ])('of a database of %i bytes are %i', (database, counted) => {
    expect(countedBytes(database)).toBe(counted);
  });

  it.each([
    [0, 4_096],
    [409_600, 4_096],
    [1_000_000, 10_000],
    [1_000_000_000, 1_048_576],
    [Infinity, 1_048_576],
  ])('of a quota of %i are reported in steps of %i', (limit, step) => {
    expect(storedStep(limit)).toBe(step);
  });

  it.each<StoringObject>([
    { kind: 'queue', name: 'jobs', id: 7, partition: 0 },
    { kind: 'partition', name: 'a.b-c_d', id: 12, partition: 999 },
    { kind: 'transaction', name: 'tx', id: 0, partition: 0 },
    { kind: 'queue', name: 'celery@host 1!% ü', id: 3, partition: 0 },
  ])('are kept by a key that names %j', (object) => {
    expect(parseStoringKey(storingKey(object))).toEqual(object);
  });

  it('that do not fit are refused with what does', () => {
    expect(refuseStored(1_000, 30)).toMatchObject({
      code: 'quota',
      details: { quota: 'stored_bytes', limit: 1_000, available: 30 },
    });
  });
});
