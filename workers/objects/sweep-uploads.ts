/** Sweep of uploads: deletes those that were begun a day ago and not completed. */

import { abandonedKeys, UPLOADS_PREFIX, type UploadNote } from '../../core/objects/upload.ts';
import { nameObject } from './stored-object.ts';
import { removeUpload } from './uploads.ts';

/** Uploads of one sweep, of some five calls each. The next sweep goes on. */
const UPLOADS_MAX = 100;

/**
 * Deletes uploads of all namespaces. The oldest are at the beginning of the list, so a sweep that finds none costs one list.
 * @param freed is told what each had room for
 */
export async function sweepUploads(
  bucket: R2Bucket,
  nowMs: number,
  freed: (namespace: string, bytes: number, upload: string) => Promise<void>,
): Promise<number> {
  const { objects } = await bucket.list({ prefix: UPLOADS_PREFIX, limit: UPLOADS_MAX });
  const keys = abandonedKeys(
    objects.map(({ key }) => key),
    nowMs,
  );
  for (const key of keys) {
    const note = await (await bucket.get(key))?.json<UploadNote>();
    if (note === undefined) continue; // completed meanwhile
    const { namespace, object } = note;
    const upload = key.slice(UPLOADS_PREFIX.length);
    const bytes = await removeUpload(bucket, nameObject(namespace, object), upload, note);
    await freed(namespace, bytes, upload);
  }
  return keys.length;
}
