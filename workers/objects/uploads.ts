/**
 * Uploads: objects that come in parts. Each step can be repeated, and what a crash leaves behind a later step or the sweep removes.
 *
 *   step       what it does in the bucket                                    a crash after it leaves
 *   --------   -----------------------------------------------------------   -----------------------------------------------
 *   begin      begins an upload for the bytes; stores the note of it         an upload that the sweep gives up after a day
 *   put part   stores a part                                                 the same
 *   complete   makes the bytes of the parts; stores the object that names    bytes that no object names, until it is repeated
 *              them, unless there is one; deletes the note                   or swept; an object whose note is swept
 *   abort      deletes the parts, unless they have become bytes; deletes     an upload that the sweep gives up after a day
 *              the note
 */

import { dataKey } from '../../core/objects/object-key.ts';
import {
  begunMs,
  openUploadKey,
  UPLOAD_MS_MAX,
  uploadKey,
  uploadNotFound,
  type UploadNote,
} from '../../core/objects/upload.ts';
import { bytesOfPart, partsOf, wholeOf, type StoredPart } from '../../core/objects/upload-parts.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { OBJECT_PART_BYTES } from '../../protocol/limits.ts';
import type { ObjectReply, PartReply, UploadReply } from '../../protocol/schemas/objects.ts';
import { isMissingPart, isMissingUpload } from './bucket.ts';
import { DigestMismatch, withDigest } from './digest.ts';
import {
  metadataOf,
  refuseNew,
  refuseOther,
  replyOf,
  storedObject,
  type NamedObject,
} from './stored-object.ts';

const ONLY_NEW = new Headers({ 'if-none-match': '*' });

interface Asked {
  readonly bytes: number;
  readonly contentType: string;
  readonly sha256: string | undefined;
}

/** How a completion ended. */
interface Completed {
  stored: ObjectReply | Failure;
  isNew: boolean;
  /** Bytes of the upload that have become no object, because there is another. */
  wasted: number;
}

/** @param upload a new id */
export async function beginUpload(
  bucket: R2Bucket,
  { namespace, id, key }: NamedObject,
  upload: string,
  { bytes, contentType, sha256 }: Asked,
): Promise<{ stored: ObjectReply } | { begun: UploadReply } | Failure> {
  const refused = refuseNew(id, bytes);
  if (refused) return refused;
  const found = await bucket.head(key);
  if (found)
    return (
      refuseOther(id, storedObject(found), bytes, sha256) ?? { stored: replyOf(id, storedObject(found)) }
    );
  const { uploadId: bucketUpload } = await bucket.createMultipartUpload(dataKey(namespace, id, upload));
  const note: UploadNote = {
    namespace,
    object: id,
    bytes,
    contentType,
    ...(sha256 !== undefined && { sha256 }),
    bucketUpload,
  };
  // What is counted of it is in the metadata too, which a list brings.
  const customMetadata = { namespace, bytes: String(bytes) };
  await bucket.put(uploadKey(upload), JSON.stringify(note), { customMetadata });
  return {
    begun: {
      object: id,
      upload,
      bytes,
      part_bytes: OBJECT_PART_BYTES,
      parts: partsOf(bytes),
      expires_at: begunMs(upload) + UPLOAD_MS_MAX,
    },
  };
}

/** @param length as the request says */
export async function putPart(
  bucket: R2Bucket,
  named: NamedObject,
  upload: string,
  {
    part,
    length,
    sha256,
    body,
  }: { part: number; length: number; sha256: string | undefined; body: ReadableStream },
): Promise<PartReply | Failure> {
  const note = await readNote(bucket, named, upload);
  if (isFailure(note)) return note;
  const expected = bytesOfPart(note.bytes, part);
  if (expected === 0)
    return failure('invalid_part', `the upload has the parts 1 to ${partsOf(note.bytes)}, not ${part}`);
  if (length !== expected)
    return failure('invalid_part', `part ${part} has ${expected} bytes, as its Content-Length has to say`);
  try {
    const checked = sha256 === undefined ? body : withDigest(body, length, sha256);
    const { etag } = await openUpload(bucket, note, upload).uploadPart(part, checked);
    return { part, etag };
  } catch (error) {
    if (error instanceof DigestMismatch || (sha256 !== undefined && DigestMismatch.is(error)))
      return failure('digest_mismatch', 'the part has another SHA-256 than `sha256`; nothing is stored');
    if (isMissingUpload(error)) return uploadNotFound(upload);
    throw error;
  }
}

export async function completeUpload(
  bucket: R2Bucket,
  named: NamedObject,
  upload: string,
  parts: readonly StoredPart[],
): Promise<Completed | Failure> {
  const { namespace, id, key } = named;
  const note = await readNote(bucket, named, upload);
  if (isFailure(note)) {
    const found = await bucket.head(key); // the reply to an earlier attempt may have been lost
    if (found === null || storedObject(found).upload !== upload) return note;
    return { stored: replyOf(id, storedObject(found)), isNew: false, wasted: 0 };
  }
  const refused = refuseNew(id, note.bytes);
  if (refused) return refused;
  const whole = wholeOf(note.bytes, parts);
  if (whole === null)
    return failure(
      'upload_incomplete',
      `the upload has the parts 1 to ${partsOf(note.bytes)}; name each of them once`,
    );
  const data = dataKey(namespace, id, upload);
  const made = await makeBytes(bucket, note, upload, whole);
  if (isFailure(made)) return made;
  const options = {
    ...metadataOf(note.contentType, note.sha256, { upload, bytes: note.bytes }),
    onlyIf: ONLY_NEW,
  };
  const put = await bucket.put(key, new Uint8Array(), options);
  const stored = put ?? (await bucket.head(key));
  if (stored === null)
    return failure('unavailable', 'the object was deleted while it was stored; complete the upload again');
  const isOurs = storedObject(stored).upload === upload;
  if (!isOurs) await bucket.delete(data);
  await bucket.delete(uploadKey(upload));
  if (isOurs) return { stored: replyOf(id, storedObject(stored)), isNew: true, wasted: 0 };
  const other = refuseOther(id, storedObject(stored), note.bytes, note.sha256);
  return { stored: other ?? replyOf(id, storedObject(stored)), isNew: false, wasted: note.bytes };
}

/**
 * Gives an upload up. The bucket decides between this and a completion under way: it ends an upload once. So bytes that it has made
 * stay, because an object may name them at any moment; if none does, the sweep deletes them when no completion can be under way.
 *
 * @returns what it had room for
 */
export async function abortUpload(
  bucket: R2Bucket,
  named: NamedObject,
  upload: string,
): Promise<number | Failure> {
  const note = await readNote(bucket, named, upload);
  if (isFailure(note)) return note;
  await endUpload(bucket, note, upload);
  const isMade = (await bucket.head(dataKey(named.namespace, named.id, upload))) !== null;
  if (isMade) return uploadNotFound(upload);
  await bucket.delete(uploadKey(upload));
  return note.bytes;
}

/** Deletes an upload that nobody can complete any more. An object that it has become stays. @returns what it had room for */
export async function removeUpload(
  bucket: R2Bucket,
  { namespace, id, key }: NamedObject,
  upload: string,
  note: UploadNote,
): Promise<number> {
  const found = await bucket.head(key);
  const isObject = found !== null && storedObject(found).upload === upload;
  if (!isObject) {
    await endUpload(bucket, note, upload);
    await bucket.delete(dataKey(namespace, id, upload));
  }
  await bucket.delete(uploadKey(upload));
  return isObject ? 0 : note.bytes;
}

/** Deletes the parts. After that no bytes are made of them. */
async function endUpload(bucket: R2Bucket, note: UploadNote, upload: string): Promise<void> {
  try {
    await openUpload(bucket, note, upload).abort();
  } catch (error) {
    if (!isMissingUpload(error)) throw error; // else it has ended
  }
}

async function readNote(
  bucket: R2Bucket,
  { namespace, id }: NamedObject,
  upload: string,
): Promise<UploadNote | Failure> {
  const key = openUploadKey(upload, Date.now());
  if (isFailure(key)) return key;
  const note = await (await bucket.get(key))?.json<UploadNote>();
  return note?.namespace === namespace && note.object === id ? note : uploadNotFound(upload);
}

function openUpload(bucket: R2Bucket, note: UploadNote, upload: string): R2MultipartUpload {
  return bucket.resumeMultipartUpload(dataKey(note.namespace, note.object, upload), note.bucketUpload);
}

/** Returns null when the bytes are one object of the bucket. */
async function makeBytes(
  bucket: R2Bucket,
  note: UploadNote,
  upload: string,
  parts: readonly StoredPart[],
): Promise<null | Failure> {
  const named = parts.map(({ part, etag }) => ({ partNumber: part, etag }));
  try {
    await openUpload(bucket, note, upload).complete(named);
    return null;
  } catch (error) {
    if (isMissingPart(error))
      return failure('upload_incomplete', 'a part is missing or has another etag; send the parts again');
    if (!isMissingUpload(error)) throw error;
    // An earlier attempt has got so far.
    const made = await bucket.head(dataKey(note.namespace, note.object, upload));
    return made?.size === note.bytes ? null : uploadNotFound(upload);
  }
}
