/** Read body: reads a body into memory, only when there is room, up to a size, and within a time. */

import { failure, requestTooLarge, type Failure } from '../../protocol/errors.ts';
import { REQUEST_BYTES_MAX } from '../../protocol/limits.ts';
import {
  bodyTimeMs,
  growBody,
  noRoom,
  releaseBody,
  reserveBody,
  UNCOUNTED_BYTES_MAX,
} from './request-bytes.ts';
import { pauseIfLate } from './turns.ts';

/** The bytes that are read of a too large body before the answer. */
const DISCARDED_BYTES_MAX = 8 * REQUEST_BYTES_MAX;

/** At most so many bytes of a body are read at once. */
const PIECE_BYTES = 64 * 1024;

const TOO_SLOW = failure('request_timeout', 'the body came too slowly; send the request again');

/**
 * The body of a request. Its bytes stay reserved until the request is answered.
 * @param weight how much each of its bytes counts
 */
export async function readBytes(request: Request, weight = 1): Promise<Uint8Array | Failure> {
  const header = request.headers.get('content-length');
  const stated = Number(header ?? 0);
  if (stated > REQUEST_BYTES_MAX) {
    await discard(request.body, stated);
    return requestTooLarge();
  }
  if (!(await reserveBody(request, stated * weight))) {
    const refused = noRoom();
    await discard(request.body, stated);
    return refused;
  }
  if (header !== null && stated <= UNCOUNTED_BYTES_MAX) return await readWhole(request);
  const reading = header === null ? readPieces(request, weight) : readWhole(request);
  const bytes = await within(bodyTimeMs(stated || REQUEST_BYTES_MAX), reading);
  return bytes ?? TOO_SLOW;
}

async function readWhole(request: Request): Promise<Uint8Array | Failure> {
  try {
    return new Uint8Array(await request.arrayBuffer());
  } catch {
    return incomplete();
  }
}

/** Reads a body of unknown length and takes room as it comes. A too large body is read to its end and discarded. */
async function readPieces(request: Request, weight: number): Promise<Uint8Array | Failure> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let refused: Failure | null = null;
  let length = 0;
  try {
    for await (const piece of piecesOf(request.body)) {
      length += piece.length;
      if (length > DISCARDED_BYTES_MAX) break;
      if (refused) continue;
      if (length > REQUEST_BYTES_MAX) refused = requestTooLarge();
      else if (!growBody(request, piece.length * weight)) refused = noRoom();
      if (refused) {
        chunks.length = 0;
        releaseBody(request);
      } else chunks.push(piece.slice());
    }
  } catch {
    return refused ?? incomplete();
  }
  return refused ?? new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * Reads a body to its end without keeping it. Many clients see a broken connection instead of an answer that comes
 * before they have sent everything.
 */
async function discard(body: ReadableStream<Uint8Array> | null, stated: number): Promise<void> {
  if (stated > DISCARDED_BYTES_MAX) return;
  try {
    for await (const _ of piecesOf(body));
  } catch {
    // The client has gone, and nobody waits for the answer.
  }
}

/**
 * The pieces of a body. Each is in the same buffer, so it holds only until the next is asked for. The next bytes of a fast
 * client are there at once, so the runtime gets a pause to look at its other connections: see `turns.ts`.
 */
async function* piecesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body?.getReader({ mode: 'byob' });
  let buffer = new Uint8Array(PIECE_BYTES);
  try {
    while (reader) {
      const { done, value } = await reader.read(buffer);
      if (done) return;
      yield value;
      buffer = new Uint8Array(value.buffer);
      await pauseIfLate();
    }
  } finally {
    void reader?.cancel().catch(() => {}); // whoever stops early wants no more of it
  }
}

/** The client left while sending. The answer is only for logs, or for a proxy before the router. */
function incomplete(): Failure {
  return failure('incomplete_request', 'the connection ended before the body did; send the request again');
}

/** @returns null when the time is over first */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, ms, null)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
