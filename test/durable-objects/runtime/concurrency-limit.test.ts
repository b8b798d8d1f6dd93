/** A limit that objects of an isolate share: they may end at any moment, and what they have begun with them. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ConcurrencyLimit } from '../../../durable-objects/runtime/concurrency-limit.ts';

const LIMIT_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = (): Promise<never> => new Promise(() => {});

it('lets so many run at a time, and the others in their order', async () => {
  const limit = new ConcurrencyLimit(2, LIMIT_MS);
  const begun: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const all = ends.map(({ promise }, nth) => limit.run(() => (begun.push(nth), promise)));
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toEqual([0, 1]);
  ends[1]!.resolve();
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toEqual([0, 1, 2]);
  for (const { resolve } of ends) resolve();
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

it('gives the place of work that fails to the next', async () => {
  const limit = new ConcurrencyLimit(1, LIMIT_MS);
  const failing = limit.run(() => Promise.reject(new Error('of the work')));
  const next = limit.run(() => Promise.resolve('done'));
  await expect(failing).rejects.toThrow('of the work');
  expect(await next).toBe('done');
});

it('lets work in after its time if the objects with the places have gone', async () => {
  const limit = new ConcurrencyLimit(1, LIMIT_MS);
  void limit.run(never);
  const begun: string[] = [];
  const waiting = limit.run(() => (begun.push('waiting'), Promise.resolve()));
  await vi.advanceTimersByTimeAsync(LIMIT_MS - 1);
  expect(begun).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  await waiting;
  expect(begun).toEqual(['waiting']);
  await limit.run(() => Promise.resolve()); // nobody has the place now
});
