/** Sweep: deletes the objects that have expired from the bucket. */

import { expiredKeys, objectPrefix } from '../../core/objects/object-key.ts';

/** Keys of one list and one deletion: R2's most. */
const KEYS_PER_SLICE = 1_000;

/** How long after its end an object is swept, in ms: a deletion that began before may be under way, and gives its room back too. */
const LATE_MS = 60_000;

/** Slices of one namespace in one sweep. The next sweep goes on. */
const SLICES_MAX = 50;

/**
 * Deletes the objects of a namespace that have expired. They are at the beginning of its keys, so a sweep that finds none costs one
 * list. Returns how many were deleted, and their bytes.
 */
export async function sweepObjects(
  bucket: R2Bucket,
  namespace: string,
  nowMs: number,
  limit = KEYS_PER_SLICE,
): Promise<{ deleted: number; bytes: number }> {
  let deleted = 0;
  let bytes = 0;
  for (let slice = 0; slice < SLICES_MAX; slice++) {
    const { objects, truncated } = await bucket.list({ prefix: objectPrefix(namespace), limit });
    const keys = objects.map(({ key }) => key);
    const expired = expiredKeys(namespace, keys, nowMs - LATE_MS);
    if (expired.length > 0) await bucket.delete(expired);
    deleted += expired.length;
    for (const { size } of objects.slice(0, expired.length)) bytes += size;
    if (expired.length < keys.length || !truncated) break;
  }
  return { deleted, bytes };
}
