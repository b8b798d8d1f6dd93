/**
 * Object id: the name of a large body, which says how long the body lives. It does not use the schema library, so that the SDK can
 * share it.
 *
 *   <day>.<name>    2026-12-05.photo-7    it exists until the end of that day, in UTC
 *   forever.<name>  forever.logo          it exists until it is deleted
 *
 * The day is in the id, so a reader needs no index, and the sweep deletes by prefix.
 */

import { OBJECT_DAYS_MAX } from '../limits.ts';

export const DAY_MS = 86_400_000;

export const OBJECT_ID_RULE =
  'a day and a name, such as "2026-12-05.photo-7", or "forever.photo-7"; the name has 1 to 200 of the characters A-Z a-z 0-9 . _ -';

export const OBJECT_ID_PATTERN =
  /^(?:\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|forever)\.[A-Za-z0-9._-]{1,200}$/;

const FOREVER = 'forever';

/** Returns the id of a body that exists for at least `ttlMs` from now. @param ttlMs null: until it is deleted */
export function objectId(name: string, nowMs: number, ttlMs: number | null): string {
  if (ttlMs === null) return `${FOREVER}.${name}`;
  const lastDay = Math.floor(nowMs / DAY_MS) + Math.min(OBJECT_DAYS_MAX, Math.ceil(ttlMs / DAY_MS));
  return `${dayText(lastDay * DAY_MS)}.${name}`;
}

/** Returns when the object stops to exist, in ms since 1970; null for never, undefined if the day is none of the calendar. */
export function expiryOf(id: string): number | null | undefined {
  const day = id.slice(0, id.indexOf('.'));
  if (day === FOREVER) return null;
  const startMs = Date.parse(`${day}T00:00:00.000Z`);
  return Number.isNaN(startMs) || dayText(startMs) !== day ? undefined : startMs + DAY_MS;
}

const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
