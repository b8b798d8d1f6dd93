/** Sender of files: makes the HTTP call of an operation whose body is bytes. A file is read while it is sent, whatever its size. */

import { openAsBlob } from 'node:fs';
import { jsonOf } from '../../client/transport.ts';
import { errorOfReply } from '../../client/http/reply-error.ts';
import { messageOf, PosthornError } from '../../errors.ts';
import type { Context } from '../command.ts';
import type { Connection } from '../connection/connection.ts';
import { Failure } from '../failure.ts';
import { readAllBytes } from '../input/read-all.ts';
import { callOf, type FilledOperation } from './send-operation.ts';

export async function sendFile(
  filled: FilledOperation,
  { root }: Connection,
  { flag, io, signal }: Context,
): Promise<object> {
  const { method, path, query } = callOf(filled, signal);
  const pairs = Object.entries(query ?? {}).map(([name, value]) => `${name}=${value}`);
  const url = `${root.config.baseUrl}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
  const given = flag<string>('file') ?? '-';
  const body = given === '-' ? new Blob([await readAllBytes(io.stdin)]) : await openFile(given);
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

async function openFile(path: string): Promise<Blob> {
  try {
    return await openAsBlob(path);
  } catch (cause) {
    throw new Failure('usage', `--file: ${(cause as Error).message}`, { cause });
  }
}
