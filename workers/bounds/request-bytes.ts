/**
 * Request bytes: the bytes of request bodies in this isolate. They are reserved before a body is read, and given back
 * when its request is answered, or earlier, if nothing of the body is needed any more.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { ByteBudget } from './byte-budget.ts';
import { ByteRooms } from './byte-room.ts';

const MiB = 1024 * 1024;

/** A body costs three to five times its bytes in batches and copies for calls; an isolate has 128 MB. */
const BYTES_MAX_DEFAULT = 32 * MiB;

/** JSON costs twice as much as batches: its text and its values come on top. */
export const JSON_WEIGHT = 2;

const SMALL_BYTES_MAX = 64 * 1024;

/** Bodies up to here are not counted: what connections are buffered with is of the same size. */
export const UNCOUNTED_BYTES_MAX = 4 * 1024;

/** How long a large body may wait for room, unread, before its request is refused. */
const WAIT_MS = 2_000;

/** A body must arrive in this time and at this speed, or it would keep its room from others. */
const SLOW_MS_MAX = 10_000;
const SLOWEST_BYTES_PER_MS = 64;

const rooms = new ByteRooms(BYTES_MAX_DEFAULT, budgetOf);

/** @param bytesMax the setting POSTHORN_BODY_BYTES_MAX; undefined: the default */
export function configureRequestBytes(bytesMax: string | undefined): void {
  rooms.configure(bytesMax);
}

/** Takes room for so many bytes more of a body, at once or not at all. */
export function growBody(request: Request, bytes: number): boolean {
  if (bytes === 0) return true;
  const room = rooms.of(request);
  return room.resize(room.bytes + bytes);
}

/** Gives so many bytes of a request's room back. */
export function shrinkBody(request: Request, bytes: number): void {
  const room = rooms.get(request);
  if (bytes > 0) room?.resize(Math.max(0, room.bytes - bytes));
}

/** Takes the room for a body of a known length, and waits for it a little. */
export async function reserveBody(request: Request, bytes: number): Promise<boolean> {
  return bytes <= UNCOUNTED_BYTES_MAX || (await rooms.of(request).take(bytes, WAIT_MS));
}

/** Gives back what a request has taken. Doing it twice is harmless. */
export function releaseBody(request: Request): void {
  rooms.get(request)?.release();
}

/** Keeps the room of a request beyond its answer, until the work that uses its body has ended. */
export function keepBodyUntil(request: Request, work: Promise<unknown>): void {
  const room = rooms.handOver(request);
  if (room) void work.finally(() => room.release());
}

export function noRoom(): Failure {
  return failure(
    'overloaded',
    'the broker has as many bytes of requests in hand as it can hold; send the request again later',
    { retry_after_s: rooms.budget.retryAfterS() },
  );
}

/** The time that a body of this length may take, in ms. */
export function bodyTimeMs(bytes: number): number {
  return SLOW_MS_MAX + Math.ceil(bytes / SLOWEST_BYTES_PER_MS);
}

function budgetOf(bytesMax: number): ByteBudget {
  const smallShare = Math.floor(bytesMax / 8);
  return new ByteBudget({ bytesMax, smallShare, smallBytesMax: Math.min(SMALL_BYTES_MAX, smallShare) });
}
