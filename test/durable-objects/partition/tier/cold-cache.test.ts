/** Chunks that partitions of an isolate share: one loads, the others wait for it, and it may end meanwhile. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ColdCache } from '../../../../durable-objects/partition/tier/cold-cache.ts';

const ADDRESS = { key: 'tiers/n/1/0/a', start: 2, end: 5 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** @param answers of the reads, in order; `null`: never */
function bucketOf(...answers: (Uint8Array | null)[]): { bucket: R2Bucket; reads: () => number } {
  let reads = 0;
  const get = async (): Promise<object> => {
    const bytes = answers[reads++];
    if (!bytes) return await new Promise(() => {});
    return { arrayBuffer: () => Promise.resolve(bytes.slice().buffer) };
  };
  return { bucket: { get } as unknown as R2Bucket, reads: () => reads };
}

it('reads a chunk once for all that want it', async () => {
  const { bucket, reads } = bucketOf(new Uint8Array([1, 2, 3]));
  const cache = new ColdCache();
  await Promise.all([1, 2, 3].map(() => cache.load(bucket, ADDRESS)));
  expect(cache.get(ADDRESS)).toEqual(new Uint8Array([1, 2, 3]));
  expect(reads()).toBe(1);
});

it('is loaded by another if the object that began has gone', async () => {
  const { bucket } = bucketOf(null, new Uint8Array([1, 2, 3]));
  const cache = new ColdCache();
  // Its timers have gone with it.
  const { setTimeout: begin } = globalThis;
  globalThis.setTimeout = (() => 0) as never;
  void cache.load(bucket, ADDRESS);
  globalThis.setTimeout = begin;
  await Promise.all([
    expect(cache.load(bucket, ADDRESS)).rejects.toThrow(/took longer/),
    vi.advanceTimersByTimeAsync(60_000),
  ]);
  await cache.load(bucket, ADDRESS);
  expect(cache.get(ADDRESS)).toEqual(new Uint8Array([1, 2, 3]));
});

it('says that the bucket has returned less than it should', async () => {
  const { bucket } = bucketOf(new Uint8Array([1]));
  await expect(new ColdCache().load(bucket, ADDRESS)).rejects.toThrow(
    'returned 1 bytes of tiers/n/1/0/a, not 3',
  );
});
