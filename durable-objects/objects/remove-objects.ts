/** Removal of the objects of a namespace that is deleted, in slices. */

import { objectPrefix } from '../../core/objects/object-key.ts';

/** Keys of one list and one deletion: R2's most. */
const KEYS_PER_SLICE = 1_000;

/** Deletes some objects of a namespace. Returns true if none is left. */
export async function removeObjects(
  bucket: R2Bucket,
  namespace: string,
  limit = KEYS_PER_SLICE,
): Promise<boolean> {
  const { objects, truncated } = await bucket.list({ prefix: objectPrefix(namespace), limit });
  if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
  return !truncated;
}
