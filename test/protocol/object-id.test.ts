/** Ids of objects, and how long they exist. */

import { expect, it } from 'vitest';
import { DAY_MS, expiryOf, OBJECT_ID_PATTERN, objectId } from '../../protocol/names/object-id.ts';

const NOON = Date.parse('2026-12-05T12:00:00Z');

it('lives at least as long as it is asked to, and to the end of a day', () => {
  expect(objectId('a', NOON, 0)).toBe('2026-12-05.a');
  expect(objectId('a', NOON, 1)).toBe('2026-12-06.a');
  expect(objectId('a', NOON, 7 * DAY_MS)).toBe('2026-12-12.a');
  expect(expiryOf('2026-12-12.a')).toBeGreaterThanOrEqual(NOON + 7 * DAY_MS);
  expect(objectId('a', NOON, null)).toBe('forever.a');
  expect(expiryOf('forever.a')).toBeNull();
});

it('knows the calendar', () => {
  expect(expiryOf('2026-12-05.a')).toBe(Date.parse('2026-12-06T00:00:00Z'));
  expect(expiryOf('2026-02-30.a')).toBeUndefined();
});

it.each([
  'a',
  '2026-12-05',
  '2026-12-05.',
  '2026-13-05.a',
  '2026-12-05.a/b',
  'never.a',
  `forever.${'x'.repeat(201)}`,
])('refuses %s', (id) => expect(OBJECT_ID_PATTERN.test(id)).toBe(false));
