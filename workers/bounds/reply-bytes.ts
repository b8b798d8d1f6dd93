/**
 * Reply bytes: the bytes of replies in this isolate, from the call that reads them to the moment when the client has
 * taken them. A reply takes its room before its bytes are read. While many are read, each gets less than it asks for.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { ByteBudget } from './byte-budget.ts';
import { ByteRooms } from './byte-room.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** An isolate has 128 MB. */
const BYTES_MAX_DEFAULT = 64 * MiB;

/** What a byte of stored batches costs while it becomes JSON: the batch, the text and the bytes that are sent. */
export const JSON_REPLY_WEIGHT = 3;

/** What a reply may have at least, however many are read. A record that is larger comes alone. */
const LEAST_BYTES = 32 * KiB;

/** The part of the room that is left which one reply may take. */
const PART = 2 / 3;

/** How long a reply may wait for room before its request is refused. */
const WAIT_MS = 2_000;

/**
 * Smaller replies are not followed to their clients: they fit into the buffers of a connection, which Linux lets grow to some MiB. To
 * follow one costs a stream more, which its bytes go through.
 */
const FOLLOWED_BYTES_MIN = 256 * KiB;

/** A reply must be taken in this time and at this speed, or it would keep its room from others. */
const SLOW_MS_MAX = 30_000;
const SLOWEST_BYTES_PER_MS = 64;

const rooms = new ByteRooms(BYTES_MAX_DEFAULT, budgetOf);

/** The requests whose reply has begun before its bytes are there, and who give their room back themselves. */
const open = new WeakSet<Request>();

/** @param bytesMax the setting POSTHORN_REPLY_BYTES_MAX; undefined: the default */
export function configureReplyBytes(bytesMax: string | undefined): void {
  rooms.configure(bytesMax);
}

/**
 * Takes room for a reply. Returns how many bytes it may have: `wanted`, or fewer while others are
 * read. The request gives the room back with `resizeReply` and `releaseReply`, and with its reply.
 * @param weight how much each of its bytes counts
 */
export async function grantReply(
  request: Request,
  wanted: number,
  weight: number,
): Promise<number | Failure> {
  const granted = Math.min(
    wanted,
    Math.max(LEAST_BYTES, Math.floor((rooms.budget.roomForLarge * PART) / weight)),
  );
  return (await rooms.of(request).take(granted * weight, WAIT_MS)) ? granted : noRoom();
}

/**
 * Notes what a reply really takes. One record or batch may be larger than what was granted: it is in memory already.
 */
export function resizeReply(request: Request, bytes: number): void {
  rooms.get(request)?.resize(bytes);
}

/** Gives the room back: the request waits, or has nothing to reply. */
export function releaseReply(request: Request): void {
  rooms.get(request)?.release();
}

/** Notes that the reply begins before its bytes are there. Whoever sends it takes its room later, and gives it back. */
export function keepReplyOpen(request: Request): void {
  open.add(request);
}

/** Hands a reply to its client, and gives its room back when the client has taken all of it or has gone. */
export function followReply(request: Request, response: Response, ctx: ExecutionContext): Response {
  const room = rooms.get(request);
  if (!room || open.has(request)) return response;
  if (response.body === null || room.bytes < FOLLOWED_BYTES_MIN) {
    room.release();
    return response;
  }
  const length = response.headers.get('content-length');
  const { readable, writable } =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
  const stuck = new AbortController();
  const timer = setTimeout(() => stuck.abort(), takeTimeMs(room.bytes));
  const taken = response.body
    .pipeTo(writable, { signal: stuck.signal })
    .catch(() => {}) // the client has gone, and nobody waits for the rest
    .finally(() => {
      clearTimeout(timer);
      room.close();
    });
  // Without it the runtime forgets a reply whose client has gone, and nobody gives its room back.
  ctx.waitUntil(taken);
  return new Response(readable, response);
}

/** The time that a client may take for a reply, in ms. */
function takeTimeMs(bytes: number): number {
  return SLOW_MS_MAX + Math.ceil(bytes / SLOWEST_BYTES_PER_MS);
}

function noRoom(): Failure {
  return failure(
    'overloaded',
    'the broker has as many bytes of replies in hand as it can hold; send the request again later',
    { retry_after_s: rooms.budget.retryAfterS() },
  );
}

function budgetOf(bytesMax: number): ByteBudget {
  return new ByteBudget({
    bytesMax,
    smallShare: Math.floor((bytesMax * 3) / 8),
    smallBytesMax: LEAST_BYTES * JSON_REPLY_WEIGHT,
  });
}
