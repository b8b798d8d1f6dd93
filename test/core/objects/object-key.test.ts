/** Where objects are in the bucket, and which of them a sweep deletes. */

import { expect, it } from 'vitest';
import { expiredKeys, objectKey } from '../../../core/objects/object-key.ts';

it('finds what has expired at the beginning of a page', () => {
  const ids = ['2026-12-01.a', '2026-12-02.b', '2026-12-03.c', 'forever.d'];
  const keys = ids.map((id) => objectKey('shop', id));
  expect(keys[0]).toBe('objects/shop/2026-12-01.a');
  const at = (text: string) => expiredKeys('shop', keys, Date.parse(text));
  expect(at('2026-12-01T23:59:59Z')).toEqual([]);
  expect(at('2026-12-03T00:00:00Z')).toEqual(keys.slice(0, 2));
  expect(at('2030-01-01T00:00:00Z')).toEqual(keys.slice(0, 3));
  expect(expiredKeys('shop', keys.slice(0, 2), Date.parse('2030-01-01'))).toEqual(keys.slice(0, 2));
});
