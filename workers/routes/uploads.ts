/** Uploads: the routes of objects that come in parts. */

import type { Hono } from 'hono';
import { uploadId, uploadKey } from '../../core/objects/upload.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { BYTES_TYPE } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  partPutQuerySchema,
  type PartReply,
  uploadBeginSchema,
  uploadCompleteSchema,
} from '../../protocol/schemas/objects.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';
import { askBucket } from '../objects/bucket.ts';
import { drained } from '../objects/drain.ts';
import { freeRoom, mayExist, withRoom } from '../objects/room.ts';
import { abortUpload, beginUpload, completeUpload, putPart } from '../objects/uploads.ts';
import { bind } from './bind.ts';
import { lengthOf, readObject } from './objects.ts';

export function uploadRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.beginUpload, async (c) => {
    const named = readObject(c);
    if (isFailure(named)) return problem(c, named);
    const body = await readBody(c, uploadBeginSchema);
    if (isFailure(body)) return problem(c, body);
    const { bytes, sha256, content_type: contentType = BYTES_TYPE } = body.fields;
    const upload = uploadId(Date.now(), crypto.randomUUID());
    const answer = await askBucket(c.env, (bucket) =>
      withRoom(
        c.env,
        named.namespace,
        bytes,
        // The sweep gives the room back that a note has.
        async (given) => (given === undefined ? await mayExist(bucket, uploadKey(upload)) : 'begun' in given),
        () => beginUpload(bucket, named, upload, { bytes, sha256, contentType }),
      ),
    );
    if (isFailure(answer)) return problem(c, answer);
    return 'begun' in answer ? jsonReply(c, answer.begun, 201) : jsonReply(c, answer.stored);
  });

  bind(app, calls.putPart, async (c) => {
    const stored = await storePart(c);
    return isFailure(stored)
      ? problem(c, await drained(c.req.raw, stored, lengthOf(c)))
      : jsonReply(c, stored);
  });

  bind(app, calls.completeUpload, async (c) => {
    const named = readObject(c);
    if (isFailure(named)) return problem(c, named);
    const body = await readBody(c, uploadCompleteSchema);
    if (isFailure(body)) return problem(c, body);
    const done = await askBucket(c.env, (bucket) =>
      completeUpload(bucket, named, c.req.param('upload') ?? '', body.fields.parts),
    );
    if (isFailure(done)) return problem(c, done);
    const { stored, isNew, wasted } = done;
    await freeRoom(c.env, named.namespace, wasted, c.req.param('upload'));
    return isFailure(stored) ? problem(c, stored) : jsonReply(c, stored, isNew ? 201 : 200);
  });

  bind(app, calls.abortUpload, async (c) => {
    const named = readObject(c);
    if (isFailure(named)) return problem(c, named);
    const upload = c.req.param('upload') ?? '';
    const removed = await askBucket(c.env, (bucket) => abortUpload(bucket, named, upload));
    if (isFailure(removed)) return problem(c, removed);
    await freeRoom(c.env, named.namespace, removed, upload);
    return jsonReply(c, { upload });
  });
}

async function storePart(c: AppContext): Promise<PartReply | Failure> {
  const named = readObject(c);
  if (isFailure(named)) return named;
  const query = readQuery(c, partPutQuerySchema);
  if (isFailure(query)) return query;
  const part = {
    part: Number(c.req.param('part')),
    length: lengthOf(c) ?? 0,
    sha256: query.fields.sha256,
    body: c.req.raw.body ?? new Blob().stream(),
  };
  return await askBucket(c.env, (bucket) => putPart(bucket, named, c.req.param('upload') ?? '', part));
}
