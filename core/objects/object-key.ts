/**
 * Object key: where an object is in the bucket, `objects/<namespace>/<id>`. The ids of a namespace begin with their
 * day, so a list of it has what expires first at its beginning, and one prefix has all that a namespace holds.
 *
 * The bytes of an object that came in parts are beside it, as `objects/<namespace>/<id>~<upload>`, and the object itself names that
 * upload: so it comes to be in one step, and only one of two uploads becomes the object.
 */

import { expiryOf } from '../../protocol/names/object-id.ts';

export function objectPrefix(namespace: string): string {
  return `objects/${namespace}/`;
}

export function objectKey(namespace: string, id: string): string {
  return objectPrefix(namespace) + id;
}

/** Returns the key of the bytes that came in parts. No id has a `~`. */
export function dataKey(namespace: string, id: string, upload: string): string {
  return `${objectKey(namespace, id)}~${upload}`;
}

export function isDataKey(key: string): boolean {
  return key.includes('~');
}

/** Returns those keys of a page of a namespace, in their order, that have expired: a beginning of the page. */
export function expiredKeys(namespace: string, keys: readonly string[], nowMs: number): string[] {
  const prefix = objectPrefix(namespace);
  const end = keys.findIndex((key) => (expiryOf(key.slice(prefix.length)) ?? Infinity) > nowMs);
  return keys.slice(0, end === -1 ? keys.length : end);
}
