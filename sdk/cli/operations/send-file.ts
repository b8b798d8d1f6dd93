/** Sender of files: makes the HTTP call of an operation whose body is bytes. A file is read while it is sent, whatever its size. */

import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { OBJECT_BYTES_MAX } from '../../../protocol/limits.ts';
import { BYTES_TYPE } from '../../../protocol/headers/media-types.ts';
import { operations } from '../../../protocol/operations/index.ts';
import { storeBody } from '../../claims/store-body.ts';
import { jsonOf, Transport } from '../../client/transport.ts';
import { errorOfReply } from '../../client/http/reply-error.ts';
import { messageOf, PosthornError } from '../../errors.ts';
import type { Context } from '../command.ts';
import type { Connection } from '../connection/connection.ts';
import { Failure } from '../failure.ts';
import { withInputBlob } from '../input/input-blob.ts';
import { untilAborted } from '../input/until-aborted.ts';
import { callOf, type FilledOperation } from './send-operation.ts';

export async function sendFile(
  filled: FilledOperation,
  { root }: Connection,
  { flag, io, signal }: Context,
): Promise<object> {
  const given = flag<string>('file') ?? '-';
  const send = (body: Blob): Promise<object> => sendBody(filled, root, body, signal);
  if (given !== '-') return await send(await openFile(given));
  return await withInputBlob(untilAborted(io.stdin, signal), OBJECT_BYTES_MAX, send, signal);
}

async function sendBody(
  filled: FilledOperation,
  root: Transport,
  body: Blob,
  signal: AbortSignal,
): Promise<object> {
  if (filled.operation.id === operations.putObject.id && body.size <= OBJECT_BYTES_MAX)
    return await storeObject(filled, root, body, signal);
  const { method, path, query } = callOf(filled, signal);
  const pairs = Object.entries(query ?? {}).map(([name, value]) => `${name}=${value}`);
  const url = `${root.config.baseUrl}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
  try {
    const response = await root.config.fetch(url, {
      method,
      headers: await root.config.headers(),
      body,
      signal,
    });
    const { status, headers } = response;
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (!response.ok) throw errorOfReply(`${method} ${path}`, { status, headers, bytes });
    return jsonOf<object>({ bytes });
  } catch (error) {
    if (error instanceof PosthornError || signal.aborted) throw error;
    throw new PosthornError('connection_failed', `${method} ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** In parts if it is large. Its SHA-256 goes with it, so that the same file may be put again. */
async function storeObject(
  { values }: FilledOperation,
  { config }: Transport,
  body: Blob,
  signal: AbortSignal,
): Promise<object> {
  const [namespace, object] = ['namespace', 'object'].map((name) => values.get(name) as string);
  const inNamespace = new Transport({ ...config, baseUrl: `${config.baseUrl}/v1/${namespace}` });
  const sha256 = (values.get('sha256') as string | undefined) ?? (await sha256Of(body));
  return await storeBody(inNamespace, { object: object!, body, contentType: BYTES_TYPE, sha256, signal });
}

async function sha256Of(body: Blob): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of body.stream()) hash.update(piece);
  return hash.digest('hex');
}

async function openFile(path: string): Promise<Blob> {
  try {
    return await openAsBlob(path);
  } catch (cause) {
    throw new Failure('usage', `--file: ${(cause as Error).message}`, { cause });
  }
}
