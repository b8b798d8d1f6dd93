/** Removal of what a namespace that is deleted has in the bucket, in slices: large bodies, and what is left of its topics. */

import { namespaceTierPrefix } from '../../core/log/tier/tier-key.ts';
import { objectPrefix } from '../../core/objects/object-key.ts';

/** Keys of one list and one deletion: R2's most. */
const KEYS_PER_SLICE = 1_000;

/** Deletes some objects of a namespace. Returns true if none is left. */
export async function removeObjects(
  bucket: R2Bucket,
  namespace: string,
  limit = KEYS_PER_SLICE,
): Promise<boolean> {
  for (const prefix of [objectPrefix(namespace), namespaceTierPrefix(namespace)]) {
    const { objects, truncated } = await bucket.list({ prefix, limit });
    if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
    if (truncated) return false;
  }
  return true;
}
