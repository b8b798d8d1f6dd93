/** Start positions: where reading begins in a partition, and how a request names it. */

import { invalidArgument } from '../errors.ts';

/**
 * Where to begin in a partition: the first record, the end, an offset, or the first record at or after a time. Times
 * are milliseconds since 1970.
 */
export type StartPosition = 'earliest' | 'latest' | number | Date | { timestampMs: number };

/** What the `offset` of the first fetch is. */
export type WireOffset = number | 'earliest' | 'latest' | `@${number}`;

/**
 * @param field what the caller names it, for the error
 * @throws PosthornError `invalid_argument`, which says which field is meant if a name is wrong
 */
export function wireOffset(start: StartPosition, field = 'from'): WireOffset {
  if (start === 'earliest' || start === 'latest') return start;
  if (typeof start === 'number' && isWhole(start)) return start;
  if (start instanceof Date) {
    if (isWhole(start.getTime())) return `@${start.getTime()}`;
    throw invalidArgument(`${field} is a Date before 1970, or none at all`);
  }
  if (typeof start === 'object' && start !== null) {
    const wrong = Object.keys(start).filter((name) => name !== 'timestampMs');
    const hint = `a time is { timestampMs: <milliseconds since 1970> } or a Date`;
    if (wrong.length > 0) throw invalidArgument(`${field} has no field "${wrong[0]}": ${hint}`);
    if (isWhole(start.timestampMs)) return `@${start.timestampMs}`;
    throw invalidArgument(`${field}.timestampMs: ${hint}; got ${shown(start.timestampMs)}`);
  }
  throw invalidArgument(
    `${field} is "earliest", "latest", an offset, a Date or { timestampMs }, or these by partition; got ${shown(start)}`,
  );
}

/** Also of what is not JSON. */
const shown = (value: unknown): string =>
  typeof value === 'bigint' || value === undefined ? String(value) : JSON.stringify(value);

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
