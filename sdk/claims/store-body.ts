/** Storing of bodies: sends the bytes of an object, a large one in parts, of which one that fails is sent again by itself. */

import { OBJECT_PART_BYTES } from '../../protocol/limits.ts';
import type { ObjectReply, PartReply, UploadReply } from '../../protocol/schemas/objects.ts';
import { jsonBody, type HttpCall, type Transport } from '../client/transport.ts';
import { sha256Of } from './sha256.ts';

/** Parts under way at once. Each is in memory. */
const PARTS_AT_ONCE = 3;

/** The slowest upload or download that is waited for, in bytes in a ms. */
const SLOWEST_BYTES_PER_MS = 100;

/** For the request that brings a body, or takes one. */
export function bodyTimeoutMs(timeoutMs: number, bytes: number): number {
  return timeoutMs + Math.ceil(bytes / SLOWEST_BYTES_PER_MS);
}

export interface BodyToStore {
  object: string;
  /** A `Blob` of a file is read while it is sent. */
  body: Uint8Array | Blob;
  contentType: string;
  /** Of the whole body. */
  sha256: string | undefined;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export async function storeBody(
  transport: Transport,
  { object, body, contentType, sha256, signal, timeoutMs = transport.config.timeoutMs }: BodyToStore,
): Promise<ObjectReply> {
  const bytes = body instanceof Uint8Array ? body.length : body.size;
  const path = `/objects/${object}`;
  const put = async <Reply>(
    to: string,
    from: number,
    end: number,
    more: Pick<HttpCall, 'query' | 'headers'>,
  ): Promise<Reply> => {
    const piece =
      body instanceof Uint8Array
        ? body.subarray(from, end)
        : new Uint8Array(await body.slice(from, end).arrayBuffer());
    return await transport.json<Reply>({
      method: 'PUT',
      path: to,
      query: { sha256: (end - from === bytes ? sha256 : undefined) ?? (await sha256Of(piece)) },
      body: piece,
      signal,
      timeoutMs: bodyTimeoutMs(timeoutMs, end - from),
      ...more,
    });
  };
  if (bytes <= 2 * OBJECT_PART_BYTES)
    return await put(path, 0, bytes, { headers: { 'content-type': contentType } });

  const begun = await transport.json<UploadReply | ObjectReply>({
    method: 'POST',
    path: `${path}/uploads`,
    signal,
    timeoutMs,
    ...jsonBody({ bytes, sha256, content_type: contentType }),
  });
  if (!('upload' in begun)) return begun;
  const { upload, parts: count, part_bytes: size } = begun;
  const at = `${path}/uploads/${upload}`;
  const parts: PartReply[] = [];
  let next = 0;
  const sendParts = async (): Promise<void> => {
    while (next < count) {
      const from = next++ * size;
      parts.push(await put(`${at}/parts/${from / size + 1}`, from, Math.min(bytes, from + size), {}));
    }
  };
  try {
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, sendParts));
    return await transport.json({
      method: 'POST',
      path: `${at}/complete`,
      signal,
      timeoutMs,
      ...jsonBody({ parts }),
    });
  } catch (error) {
    next = count;
    transport.call({ method: 'DELETE', path: at }).catch(() => {}); // else the broker deletes it after a day
    throw error;
  }
}
