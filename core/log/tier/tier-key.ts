/**
 * Tier key: where the objects of a partition are in the bucket, `tiers/<namespace>/<topic id>/<partition>/<base offset>-<unique>`.
 * One prefix has all that a namespace holds, another all of a topic. Each attempt to store an object has a key of its own: what an
 * attempt that was given up still stores is never read.
 */

export function namespaceTierPrefix(namespace: string): string {
  return `tiers/${namespace}/`;
}

export function tierPrefix({ namespace, id }: { namespace: string; id: number }, partition: number): string {
  return `${namespaceTierPrefix(namespace)}${id}/${partition}/`;
}

/** Returns the key below the prefix of a partition. Keys sort as their offsets do. */
export function tierKey(baseOffset: number, unique: string): string {
  return `${String(baseOffset).padStart(16, '0')}-${unique}`;
}
