/**
 * Death headers: reads the broker's own headers of a dead letter. Routers refuse such headers from clients, so they
 * should be valid. Still, an invalid one must not prevent a queue from being opened, listed or emptied. So an invalid
 * header counts as missing.
 */

import { DEATH_REASONS, type DeathReason } from '../../../protocol/schemas/death-reasons.ts';
import type {
  DeathEntry,
  ErrorFields,
  StoredAttempts,
  StoredDeath,
} from '../../../protocol/schemas/dead-letters.ts';
import {
  ATTEMPTS_HEADER,
  DEATH_HEADER,
  DEATH_QUEUE_HEADER,
  DEATH_REASON_HEADER,
  DEATHS_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  HOPS_HEADER,
} from '../../../protocol/schemas/messages.ts';
import { DEATH_HISTORY_MAX } from '../../../protocol/limits.ts';
import { isWideName } from '../../../protocol/schemas/names.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';

type Headers = Pick<LogRecord, 'headers'>;
type Json = Record<string, unknown>;

/** The limit of ECMAScript: a later time cannot be written as a date. */
const TIME_MS_MAX = 8.64e15;

const decoder = new TextDecoder();

export function textOf(record: Headers, name: string): string | null {
  const value = record.headers.find(({ key }) => key === name)?.value;
  return value ? decoder.decode(value) : null;
}

/** Returns the death of a message; null if it is no dead letter. */
export function deathOf(record: Headers): StoredDeath | null {
  const json = jsonOf(record, DEATH_HEADER);
  if (!isObject(json) || !isTime(json['at']) || !isTime(json['published'])) return null;
  const { original_queue: queue, at, published, retries, left } = json;
  if (typeof queue !== 'string' || !isWideName(queue)) return null;
  return {
    original_queue: queue,
    at,
    published,
    retries: isCount(retries) ? retries : 0,
    ...attemptsIn(json),
    ...(isLeft(left) && { left }),
  };
}

export function historyOf(record: Headers): DeathEntry[] {
  const json = jsonOf(record, DEATHS_HEADER);
  return Array.isArray(json) ? json.filter(isEntry).slice(0, DEATH_HISTORY_MAX) : [];
}

export const hopsOf = (record: Headers): number => countOf(record, HOPS_HEADER);
export const deliveriesBefore = (record: Headers): number => countOf(record, DELIVERIES_HEADER);
export const failuresBefore = (record: Headers): number => countOf(record, FAILURES_HEADER);

export function reasonOf(record: Headers): DeathReason | null {
  const text = textOf(record, DEATH_REASON_HEADER);
  return DEATH_REASONS.find((reason) => reason === text) ?? null;
}

/** Returns the queue in which the message died last. */
export function diedIn(record: Headers): string | null {
  const text = textOf(record, DEATH_QUEUE_HEADER);
  return text !== null && isWideName(text) ? text : null;
}

/** Returns the failed attempts before the message was parked the last time. */
export function attemptsBefore(record: Headers): StoredAttempts | null {
  const json = jsonOf(record, ATTEMPTS_HEADER);
  return isObject(json) ? attemptsIn(json) : null;
}

function attemptsIn({ first, last, error, consumer, origin }: Json): StoredAttempts {
  return {
    first: isTime(first) ? first : 0,
    last: isTime(last) ? last : 0,
    ...(isError(error) && { error }),
    ...(typeof consumer === 'string' && { consumer }),
    ...(typeof origin === 'string' && { origin }),
  };
}

function jsonOf(record: Headers, name: string): unknown {
  const text = textOf(record, name);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function countOf(record: Headers, name: string): number {
  const number = Number(textOf(record, name) ?? 0);
  return isCount(number) ? number : 0;
}

function isEntry(json: unknown): json is DeathEntry {
  if (!isObject(json)) return false;
  const { queue, reason, count, first, last } = json;
  return (
    typeof queue === 'string' &&
    isWideName(queue) &&
    (reason === 'replayed' || DEATH_REASONS.some((known) => known === reason)) &&
    isCount(count) &&
    count >= 1 &&
    isTime(first) &&
    isTime(last)
  );
}

function isError(json: unknown): json is ErrorFields {
  if (!isObject(json)) return false;
  const { type, message, stack_trace: stack } = json;
  return [type, message, stack].every((text) => text === undefined || typeof text === 'string');
}

function isLeft(json: unknown): json is [string, string][] {
  return (
    Array.isArray(json) &&
    json.every(
      (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === 'string'),
    )
  );
}

function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isCount(json: unknown): json is number {
  return Number.isSafeInteger(json) && (json as number) >= 0;
}

function isTime(json: unknown): json is number {
  return isCount(json) && json <= TIME_MS_MAX;
}
