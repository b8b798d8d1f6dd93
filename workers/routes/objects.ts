/** Objects: put, get with ranges, list, delete. Bytes stream between the client and the bucket, and are never in memory as a whole. */

import type { Hono } from 'hono';
import { byteRange } from '../../core/objects/byte-range.ts';
import { objectKey, objectPrefix } from '../../core/objects/object-key.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { OBJECT_BYTES_MAX, OBJECT_DAYS_MAX } from '../../protocol/limits.ts';
import { BYTES_TYPE } from '../../protocol/headers/media-types.ts';
import { DAY_MS, expiryOf, OBJECT_ID_PATTERN, OBJECT_ID_RULE } from '../../protocol/names/object-id.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  objectListQuerySchema,
  objectPutQuerySchema,
  type ObjectList,
  type ObjectReply,
} from '../../protocol/schemas/objects.ts';
import { readNamespace, type AppContext, type AppEnv } from '../http/context.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { askBucket } from '../objects/bucket.ts';
import { bind } from './bind.ts';

export function objectRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listObjects, async (c) => {
    const namespace = readNamespace(c);
    if (isFailure(namespace)) return problem(c, namespace);
    const query = readQuery(c, objectListQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const page = await listObjects(c, namespace, query.fields.after, query.fields.limit);
    return isFailure(page) ? problem(c, page) : jsonReply(c, page);
  });

  bind(app, calls.putObject, async (c) => {
    const named = readObject(c);
    if (isFailure(named)) return problem(c, named);
    const query = readQuery(c, objectPutQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const put = await putObject(c, named, query.fields.sha256);
    return isFailure(put) ? problem(c, put) : jsonReply(c, put.reply, put.isNew ? 201 : 200);
  });

  bind(app, calls.getObject, async (c) => {
    const named = readObject(c);
    if (isFailure(named)) return problem(c, named);
    const answer = await getObject(c, named);
    return isFailure(answer) ? problem(c, answer) : answer;
  });

  bind(app, calls.deleteObject, async (c) => {
    const named = readObject(c);
    if (isFailure(named)) return problem(c, named);
    const { id, key } = named;
    const deleted = await askBucket(c.env, async (bucket) => {
      const found = await bucket.head(key);
      if (found) await bucket.delete(key);
      return found;
    });
    if (isFailure(deleted)) return problem(c, deleted);
    return deleted === null || isExpired(id) ? problem(c, notFound(id)) : jsonReply(c, { object: id });
  });
}

interface NamedObject {
  readonly id: string;
  readonly key: string;
}

function readObject(c: AppContext): NamedObject | Failure {
  const namespace = readNamespace(c);
  if (isFailure(namespace)) return namespace;
  const id = c.req.param('object') ?? '';
  if (OBJECT_ID_PATTERN.test(id) && expiryOf(id) !== undefined) return { id, key: objectKey(namespace, id) };
  return failure('invalid_name', `object ${JSON.stringify(id.slice(0, 60))}: expected ${OBJECT_ID_RULE}`);
}

async function putObject(
  c: AppContext,
  { id, key }: NamedObject,
  sha256: string | undefined,
): Promise<{ reply: ObjectReply; isNew: boolean } | Failure> {
  const refused = refuseDay(id);
  if (refused) return refused;
  const bytes = Number(c.req.header('content-length') ?? NaN);
  if (!Number.isSafeInteger(bytes))
    return failure(
      'length_required',
      'an object needs a Content-Length; a client that does not know it sends pieces as objects',
    );
  if (bytes > OBJECT_BYTES_MAX)
    return failure(
      'request_too_large',
      `an object may have ${OBJECT_BYTES_MAX} bytes; this one has ${bytes}`,
      {
        bytes_max: OBJECT_BYTES_MAX,
      },
    );
  const contentType = c.req.header('content-type') ?? BYTES_TYPE;
  const stored = await askBucket(c.env, async (bucket) => {
    const before = await bucket.head(key);
    if (before) return before;
    const put = await bucket.put(key, bytes === 0 ? new Uint8Array() : c.req.raw.body, {
      httpMetadata: { contentType },
      customMetadata: sha256 === undefined ? {} : { sha256 },
      ...(sha256 !== undefined && { sha256 }),
      onlyIf: new Headers({ 'if-none-match': '*' }), // another request may have been faster
    });
    return put === null ? await bucket.head(key) : { ...replyFields(put), isNew: true as const };
  });
  if (isFailure(stored)) return stored;
  if (stored === null)
    return failure('unavailable', 'the object was deleted while it was stored; send it again');
  if ('isNew' in stored) return { reply: replyOf(id, stored), isNew: true };
  const known = stored.customMetadata?.['sha256'];
  if (stored.size === bytes && known !== undefined && known === sha256)
    return { reply: replyOf(id, replyFields(stored)), isNew: false };
  return failure(
    'object_differs',
    `object "${id}" exists with ${stored.size} bytes${known === undefined ? ', and nothing says whether they are the same: send `sha256`' : ''}; choose another id`,
  );
}

/** The day has not passed, and is not further ahead than anybody plans. */
function refuseDay(id: string): Failure | null {
  const expiresMs = expiryOf(id);
  if (expiresMs === null || expiresMs === undefined) return null;
  const nowMs = Date.now();
  if (expiresMs > nowMs && expiresMs <= nowMs + (OBJECT_DAYS_MAX + 2) * DAY_MS) return null;
  return failure(
    'invalid_name',
    `object "${id}": its day is today or one of the next ${OBJECT_DAYS_MAX}, in UTC; "forever" has no end`,
  );
}

async function getObject(c: AppContext, { id, key }: NamedObject): Promise<Response | Failure> {
  if (isExpired(id)) return notFound(id);
  const asked = c.req.header('range');
  const isHead = c.req.raw.method === 'HEAD';
  if (isHead || asked !== undefined) {
    const head = await askBucket(c.env, async (bucket) => await bucket.head(key));
    if (isFailure(head)) return head;
    if (head === null) return notFound(id);
    const range = isHead ? null : byteRange(asked, head.size);
    if (range === 'unsatisfiable')
      return failure('range_unsatisfiable', `object "${id}" has ${head.size} bytes`, { bytes: head.size });
    if (isHead) return new Response(null, { headers: headersOf(head, head.size) });
    if (range !== null) {
      const part = await askBucket(c.env, async (bucket) => await bucket.get(key, { range }));
      if (isFailure(part)) return part;
      if (part === null) return notFound(id);
      const headers = headersOf(part, range.length);
      headers.set('content-range', `bytes ${range.offset}-${range.offset + range.length - 1}/${head.size}`);
      return new Response(part.body, { status: 206, headers });
    }
  }
  const found = await askBucket(c.env, async (bucket) => await bucket.get(key));
  if (isFailure(found)) return found;
  return found === null ? notFound(id) : new Response(found.body, { headers: headersOf(found, found.size) });
}

async function listObjects(
  c: AppContext,
  namespace: string,
  after: string | undefined,
  limit: number,
): Promise<ObjectList | Failure> {
  const prefix = objectPrefix(namespace);
  const page = await askBucket(
    c.env,
    async (bucket) =>
      await bucket.list({
        prefix,
        limit,
        include: ['httpMetadata', 'customMetadata'],
        ...(after !== undefined && { startAfter: prefix + after }),
      }),
  );
  if (isFailure(page)) return page;
  const objects = page.objects.map((object) => replyOf(object.key.slice(prefix.length), replyFields(object)));
  const last = objects.at(-1)?.object;
  return {
    objects: objects.filter(({ object }) => !isExpired(object)),
    ...(page.truncated && last !== undefined && { next: last }),
  };
}

const isExpired = (id: string): boolean => (expiryOf(id) ?? Infinity) <= Date.now();

function notFound(id: string): Failure {
  return failure('object_not_found', `object "${id}" does not exist, or has expired`);
}

interface StoredFields {
  bytes: number;
  contentType: string;
  sha256: string | undefined;
  storedMs: number;
}

function replyFields({ size, httpMetadata, customMetadata, uploaded }: R2Object): StoredFields {
  return {
    bytes: size,
    contentType: httpMetadata?.contentType ?? BYTES_TYPE,
    sha256: customMetadata?.['sha256'],
    storedMs: uploaded.getTime(),
  };
}

function replyOf(id: string, { bytes, contentType, sha256, storedMs }: StoredFields): ObjectReply {
  return {
    object: id,
    bytes,
    content_type: contentType,
    ...(sha256 !== undefined && { sha256 }),
    stored_at: storedMs,
    expires_at: expiryOf(id) ?? null,
  };
}

/** `attachment`: a page that somebody has stored is not shown by a browser as one of the broker's. */
function headersOf(object: R2Object, bytes: number): Headers {
  return new Headers({
    'content-type': object.httpMetadata?.contentType ?? BYTES_TYPE,
    'content-length': String(bytes),
    'content-disposition': 'attachment',
    'accept-ranges': 'bytes',
    etag: object.httpEtag,
  });
}
