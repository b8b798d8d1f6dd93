/** Stored object: what the bucket says of an object, and where its bytes are. */

import { dataKey, objectKey } from '../../core/objects/object-key.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { BYTES_TYPE } from '../../protocol/headers/media-types.ts';
import { OBJECT_BYTES_MAX, OBJECT_DAYS_MAX } from '../../protocol/limits.ts';
import { DAY_MS, expiryOf } from '../../protocol/names/object-id.ts';
import type { ObjectReply } from '../../protocol/schemas/objects.ts';

/** An object that a path names. */
export interface NamedObject {
  readonly namespace: string;
  readonly id: string;
  readonly key: string;
}

export interface StoredObject {
  readonly bytes: number;
  readonly contentType: string;
  readonly sha256: string | undefined;
  readonly storedMs: number;
  /** The upload that it has its bytes of; undefined: they came in one request, and are the object's own. */
  readonly upload: string | undefined;
}

export function nameObject(namespace: string, id: string): NamedObject {
  return { namespace, id, key: objectKey(namespace, id) };
}

export function storedObject({ size, httpMetadata, customMetadata, uploaded }: R2Object): StoredObject {
  const upload = customMetadata?.['upload'];
  return {
    bytes: upload === undefined ? size : Number(customMetadata!['bytes']),
    contentType: httpMetadata?.contentType ?? BYTES_TYPE,
    sha256: customMetadata?.['sha256'],
    storedMs: uploaded.getTime(),
    upload,
  };
}

/** Returns what to store with an object, for `storedObject`. @param data where the bytes are, if they came in parts */
export function metadataOf(
  contentType: string,
  sha256: string | undefined,
  data?: { upload: string; bytes: number },
): R2PutOptions {
  const customMetadata = {
    ...(sha256 !== undefined && { sha256 }),
    ...(data && { upload: data.upload, bytes: String(data.bytes) }),
  };
  return { httpMetadata: { contentType }, customMetadata };
}

/** Returns the key of the bytes. */
export function bytesKey({ namespace, id, key }: NamedObject, { upload }: StoredObject): string {
  return upload === undefined ? key : dataKey(namespace, id, upload);
}

export function replyOf(id: string, { bytes, contentType, sha256, storedMs }: StoredObject): ObjectReply {
  return {
    object: id,
    bytes,
    content_type: contentType,
    ...(sha256 !== undefined && { sha256 }),
    stored_at: storedMs,
    expires_at: expiryOf(id) ?? null,
  };
}

export const isExpired = (id: string): boolean => (expiryOf(id) ?? Infinity) <= Date.now();

export function notFound(id: string): Failure {
  return failure('object_not_found', `object "${id}" does not exist, or has expired`);
}

/** Returns why an object that exists is not the one that somebody stores; null if nothing tells them apart. */
export function refuseOther(
  id: string,
  stored: StoredObject,
  bytes: number,
  sha256: string | undefined,
): Failure | null {
  if (stored.bytes === bytes && stored.sha256 !== undefined && stored.sha256 === sha256) return null;
  return failure(
    'object_differs',
    `object "${id}" exists with ${stored.bytes} bytes${stored.sha256 === undefined ? ', and nothing says whether they are the same: send `sha256`' : ''}; choose another id`,
  );
}

/** Returns why no object of that id and size may be stored. The day has not passed, and is not further ahead than anybody plans. */
export function refuseNew(id: string, bytes: number): Failure | null {
  if (bytes > OBJECT_BYTES_MAX)
    return failure(
      'request_too_large',
      `an object may have ${OBJECT_BYTES_MAX} bytes; this one has ${bytes}`,
      { bytes_max: OBJECT_BYTES_MAX },
    );
  const expiresMs = expiryOf(id);
  if (expiresMs === null || expiresMs === undefined) return null;
  const nowMs = Date.now();
  if (expiresMs > nowMs && expiresMs <= nowMs + (OBJECT_DAYS_MAX + 2) * DAY_MS) return null;
  return failure(
    'invalid_name',
    `object "${id}": its day is today or one of the next ${OBJECT_DAYS_MAX}, in UTC; "forever" has no end`,
  );
}
