/** Objects: put, get with ranges, list, delete. Bytes stream between the client and the bucket, and are never in memory as a whole. */

import type { Hono } from 'hono';
import { byteRange } from '../../core/objects/byte-range.ts';
import { isDataKey, objectPrefix } from '../../core/objects/object-key.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { BYTES_TYPE } from '../../protocol/headers/media-types.ts';
import { expiryOf, OBJECT_ID_PATTERN, OBJECT_ID_RULE } from '../../protocol/names/object-id.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  objectListQuerySchema,
  objectPutQuerySchema,
  type ObjectList,
  type ObjectReply,
} from '../../protocol/schemas/objects.ts';
import { bytesOfHex } from '../access/digest.ts';
import { readNamespace, type AppContext, type AppEnv } from '../http/context.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { askBucket } from '../objects/bucket.ts';
import { drained } from '../objects/drain.ts';
import { freeRoom, mayExist, withRoom } from '../objects/room.ts';
import {
  bytesKey,
  isExpired,
  metadataOf,
  nameObject,
  notFound,
  refuseNew,
  refuseOther,
  replyOf,
  storedObject,
  type NamedObject,
} from '../objects/stored-object.ts';
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
    const query = readQuery(c, objectPutQuerySchema);
    const put = isFailure(named)
      ? named
      : isFailure(query)
        ? query
        : await putObject(c, named, query.fields.sha256);
    if (isFailure(put)) return problem(c, await drained(c.req.raw, put, lengthOf(c)));
    return jsonReply(c, put.reply, put.isNew ? 201 : 200);
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
    if (isExpired(id)) return problem(c, notFound(id)); // the sweep deletes it
    const deleted = await askBucket(c.env, async (bucket) => {
      const found = await bucket.head(key);
      if (found === null) return null;
      const data = bytesKey(named, storedObject(found));
      if (data !== key) await bucket.delete(data); // first: what is left of a crash can be deleted again
      await bucket.delete(key);
      await freeRoom(c.env, named.namespace, storedObject(found).bytes, found.version);
      return found;
    });
    if (isFailure(deleted)) return problem(c, deleted);
    return deleted === null ? problem(c, notFound(id)) : jsonReply(c, { object: id });
  });
}

/** Reads the object that a path names. */
export function readObject(c: AppContext): NamedObject | Failure {
  const namespace = readNamespace(c);
  if (isFailure(namespace)) return namespace;
  const id = c.req.param('object') ?? '';
  if (OBJECT_ID_PATTERN.test(id) && expiryOf(id) !== undefined) return nameObject(namespace, id);
  return failure('invalid_name', `object ${JSON.stringify(id.slice(0, 60))}: expected ${OBJECT_ID_RULE}`);
}

/** @returns the bytes that a request says it has; undefined if it does not */
export function lengthOf(c: AppContext): number | undefined {
  const bytes = Number(c.req.header('content-length') ?? NaN);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined;
}

async function putObject(
  c: AppContext,
  { namespace, id, key }: NamedObject,
  sha256: string | undefined,
): Promise<{ reply: ObjectReply; isNew: boolean } | Failure> {
  const bytes = lengthOf(c);
  if (bytes === undefined)
    return failure(
      'length_required',
      'an object needs a Content-Length; a client that does not know it sends pieces as objects',
    );
  const refused = refuseNew(id, bytes);
  if (refused) return refused;
  const contentType = c.req.header('content-type') ?? BYTES_TYPE;
  const stored = await askBucket(c.env, async (bucket) => {
    const before = await bucket.head(key);
    if (before) return before;
    const options = {
      ...metadataOf(contentType, sha256),
      ...(sha256 !== undefined && { sha256 }),
      onlyIf: new Headers({ 'if-none-match': '*' }), // another request may have been faster
    };
    const body = bytes === 0 ? new Uint8Array() : c.req.raw.body;
    const isUsed = async (put: R2Object | null | undefined): Promise<boolean> =>
      put === undefined ? await mayExist(bucket, key) : put !== null;
    const put = await withRoom(
      c.env,
      namespace,
      bytes,
      isUsed,
      async () => await bucket.put(key, body, options),
    );
    if (isFailure(put)) return put;
    return put === null ? await bucket.head(key) : { isNew: true as const, put };
  });
  if (isFailure(stored)) return stored;
  if (stored === null)
    return failure('unavailable', 'the object was deleted while it was stored; send it again');
  if ('isNew' in stored) return { reply: replyOf(id, storedObject(stored.put)), isNew: true };
  const known = storedObject(stored);
  return refuseOther(id, known, bytes, sha256) ?? { reply: replyOf(id, known), isNew: false };
}

async function getObject(c: AppContext, named: NamedObject): Promise<Response | Failure> {
  const { id, key } = named;
  if (isExpired(id)) return notFound(id);
  const asked = c.req.header('range');
  const isHead = c.req.raw.method === 'HEAD';
  if (!isHead && asked === undefined) {
    const found = await askBucket(c.env, async (bucket) => {
      const first = await bucket.get(key);
      if (first === null || storedObject(first).upload === undefined) return first && { first, bytes: first };
      const bytes = await bucket.get(bytesKey(named, storedObject(first)));
      return bytes && { first, bytes };
    });
    if (isFailure(found)) return found;
    if (found === null) return notFound(id);
    return new Response(found.bytes.body, { headers: headersOf(found.first) });
  }
  const first = await askBucket(c.env, async (bucket) => await bucket.head(key));
  if (isFailure(first)) return first;
  if (first === null) return notFound(id);
  const stored = storedObject(first);
  if (isHead) return new Response(null, { headers: headersOf(first) });
  const range = byteRange(asked, stored.bytes);
  if (range === 'unsatisfiable')
    return failure('range_unsatisfiable', `object "${id}" has ${stored.bytes} bytes`, {
      bytes: stored.bytes,
    });
  const options = range === null ? {} : { range };
  const part = await askBucket(c.env, async (bucket) => await bucket.get(bytesKey(named, stored), options));
  if (isFailure(part)) return part;
  if (part === null) return notFound(id);
  const headers = headersOf(first);
  if (range === null) return new Response(part.body, { headers });
  headers.set('content-length', String(range.length));
  headers.set('content-range', `bytes ${range.offset}-${range.offset + range.length - 1}/${stored.bytes}`);
  return new Response(part.body, { status: 206, headers });
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
  const last = page.objects.at(-1)?.key.slice(prefix.length);
  return {
    objects: page.objects
      .filter((object) => !isDataKey(object.key))
      .map((object) => replyOf(object.key.slice(prefix.length), storedObject(object)))
      .filter(({ object }) => !isExpired(object)),
    ...(page.truncated && last !== undefined && { next: last }),
  };
}

/**
 * `attachment`: a page that somebody has stored is not shown by a browser as one of the broker's. `repr-digest` (RFC 9530) is that of
 * all bytes, also beside a range of them.
 */
function headersOf(object: R2Object): Headers {
  const { contentType, bytes, sha256 } = storedObject(object);
  return new Headers({
    'content-type': contentType,
    'content-length': String(bytes),
    'content-disposition': 'attachment',
    'accept-ranges': 'bytes',
    etag: object.httpEtag,
    ...(sha256 !== undefined && {
      'repr-digest': `sha-256=:${btoa(String.fromCharCode(...bytesOfHex(sha256)))}:`,
    }),
  });
}
