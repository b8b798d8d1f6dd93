/**
 * Object key: where the bytes of an object are in the bucket, `objects/<namespace>/<id>`. The ids of a namespace begin with their
 * day, so a list of it has what expires first at its beginning, and one prefix has all that a namespace holds.
 */

import { expiryOf } from '../../protocol/names/object-id.ts';

export function objectPrefix(namespace: string): string {
  return `objects/${namespace}/`;
}

export function objectKey(namespace: string, id: string): string {
  return objectPrefix(namespace) + id;
}

/** Returns those keys of a page of a namespace, in their order, that have expired: a beginning of the page. */
export function expiredKeys(namespace: string, keys: readonly string[], nowMs: number): string[] {
  const prefix = objectPrefix(namespace);
  const end = keys.findIndex((key) => (expiryOf(key.slice(prefix.length)) ?? Infinity) > nowMs);
  return keys.slice(0, end === -1 ? keys.length : end);
}
