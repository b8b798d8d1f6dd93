/**
 * Upload: an object whose bytes come in parts. While it is under way the bucket has a *note* of it, `uploads/<upload>`. The id of an
 * upload begins with the time when it was begun, so a list of all notes has the oldest first, and nothing else keeps a list of what
 * has been abandoned.
 */

import { failure, type Failure } from '../../protocol/errors.ts';

export const UPLOADS_PREFIX = 'uploads/';

/** How long an upload may take. */
export const UPLOAD_MS_MAX = 86_400_000;

/** After that the sweep deletes what is not complete. No request that began in time is still under way then. */
const SWEPT_AFTER_MS = UPLOAD_MS_MAX + 3_600_000;

const UPLOAD_ID = /^[0-9a-z]{9}-[0-9a-f-]{36}$/;

/** What the note says. */
export interface UploadNote {
  readonly namespace: string;
  /** The id of the object. */
  readonly object: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly sha256?: string;
  /** The name that the bucket has given to its upload. */
  readonly bucketUpload: string;
}

export function uploadId(nowMs: number, unique: string): string {
  return `${nowMs.toString(36).padStart(9, '0')}-${unique}`;
}

export function uploadKey(upload: string): string {
  return UPLOADS_PREFIX + upload;
}

/** Returns the key of the note of an upload that may go on. */
export function openUploadKey(upload: string, nowMs: number): string | Failure {
  const isOpen = UPLOAD_ID.test(upload) && begunMs(upload) > nowMs - UPLOAD_MS_MAX;
  return isOpen ? uploadKey(upload) : uploadNotFound(upload);
}

export function uploadNotFound(upload: string): Failure {
  return failure(
    'upload_not_found',
    `upload "${upload.slice(0, 60)}" does not exist, is complete, or is a day old`,
  );
}

/** Returns those keys of a page, in their order, that were begun too long ago: a beginning of the page. */
export function abandonedKeys(keys: readonly string[], nowMs: number): string[] {
  const isYoung = (key: string): boolean =>
    begunMs(key.slice(UPLOADS_PREFIX.length)) > nowMs - SWEPT_AFTER_MS;
  const end = keys.findIndex(isYoung);
  return keys.slice(0, end === -1 ? keys.length : end);
}

/** Returns when an upload was begun. */
export function begunMs(upload: string): number {
  return Number.parseInt(upload.slice(0, 9), 36);
}
