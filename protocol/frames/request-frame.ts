/**
 * Request frame: one publish or produce request on a WebSocket that stays open. All numbers are big-endian.
 *
 *   request = uint8 0x83, uint32 id, float64 topology version that the client has seen (0: none),
 *             uint16 bytes of the query, query of the same request over HTTP, record batches
 *
 * The reply is JSON text: that of the request over HTTP, with the `id` as a member more.
 */

import { failure, problemOf, retryAfterOf, type Failure } from '../errors.ts';
import { isUtf8, readUtf8 } from '../record-batch/primitives/utf8.ts';

export interface RequestFrame {
  id: number;
  /** As the header `posthorn-topology-version`. */
  topologyVersion: number;
  /** Without a question mark; empty if there is nothing to say. */
  query: string;
  batches: Uint8Array;
}

const REQUEST = 0x83;
const HEAD_BYTES = 15;
const QUERY_BYTES_MAX = 0xffff;

const encoder = new TextEncoder();

export function encodeRequestFrame({ id, topologyVersion, query, batches }: RequestFrame): Uint8Array {
  const text = encoder.encode(query);
  if (text.length > QUERY_BYTES_MAX) throw new RangeError('the query is too long');
  const bytes = new Uint8Array(HEAD_BYTES + text.length + batches.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, REQUEST);
  view.setUint32(1, id);
  view.setFloat64(5, topologyVersion);
  view.setUint16(13, text.length);
  bytes.set(text, HEAD_BYTES);
  bytes.set(batches, HEAD_BYTES + text.length);
  return bytes;
}

/** Reads a request. The failure has the frame's `id` in its details, if it could be read. The batches are not copied. */
export function decodeRequestFrame(bytes: Uint8Array): RequestFrame | Failure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 5 || view.getUint8(0) !== REQUEST)
    return failure('invalid_frame', 'a request begins with 0x83 and an id of four bytes');
  const id = view.getUint32(1);
  if (bytes.length < HEAD_BYTES) return failure('invalid_frame', 'the frame ends inside its head', { id });
  const topologyVersion = view.getFloat64(5);
  if (!Number.isSafeInteger(topologyVersion) || topologyVersion < 0)
    return failure('invalid_frame', 'the topology version is not an integer from 0', { id });
  const batchesAt = HEAD_BYTES + view.getUint16(13);
  if (batchesAt > bytes.length) return failure('invalid_frame', 'the frame ends inside its query', { id });
  if (!isUtf8(bytes, HEAD_BYTES, batchesAt))
    return failure('invalid_frame', 'the query is not UTF-8', { id });
  const query = readUtf8(bytes, HEAD_BYTES, batchesAt);
  return { id, topologyVersion, query, batches: bytes.subarray(batchesAt) };
}

/** The JSON of a reply with two members more: its id, and what is a header over HTTP. */
export function requestReply(id: number, json: string, retryAfterS: number | null = null): string {
  const pause = retryAfterS === null ? '' : `"retry_after_s":${retryAfterS},`;
  return `{"id":${id},${pause}${json.slice(1)}`;
}

/** @param id of the request; undefined: nobody knows which */
export function problemReply(cause: Failure, id?: number): string {
  const json = JSON.stringify(problemOf(cause));
  return id === undefined ? json : requestReply(id, json, retryAfterOf(cause));
}

export function textRefused(): Failure {
  return failure(
    'invalid_frame',
    'requests are binary frames (docs/frames.md); of texts there is only "ping"',
  );
}
