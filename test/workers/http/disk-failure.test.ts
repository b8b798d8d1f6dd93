import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { diskFailureOf } from '../../../workers/http/disk-failure.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** As the pinned runtime throws them, from an object in memory and from one that could not start. */
const full = new Error('database or disk is full: SQLITE_FULL');
const untold = new Error('internal error; reference = roq7fchom6b410tpjcjrd09g');

it('knows a full disk by what the storage says, and by errors without a text shortly after', () => {
  expect([diskFailureOf(untold), diskFailureOf(new Error('Network connection lost.'))]).toEqual([null, null]);
  expect(diskFailureOf(full)).toMatchObject({ code: 'disk_full', details: { retry_after_s: 5 } });
  expect(diskFailureOf(untold)).toMatchObject({ code: 'disk_full' });
  vi.advanceTimersByTime(11_000);
  expect(diskFailureOf(untold)).toBeNull();
});
