/**
 * Record input: turns what an application sends into the bytes of a record. `protocol/json/json-bytes.ts` has the rule,
 * and a test compares the two: a key is text or bytes, a value is any JSON value, bytes, or null for a tombstone.
 */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import { TIMESTAMP_AHEAD_MS_MAX } from '../../protocol/limits.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';
import { invalidArgument } from '../errors.ts';
import { bytesOfText, checkWellFormed } from './text.ts';

export type HeaderValue = string | Uint8Array | null;

/** Name to value, an array if a name occurs more than once; or the headers of a record that was read. */
export type RecordHeaders =
  | Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>
  | readonly RecordHeader[];

/** A record to be sent. */
export interface OutgoingRecord {
  /** Text or bytes. Records of one key go to one partition, in order. Default: none. */
  key?: string | Uint8Array | null | undefined;
  /**
   * Any JSON value (stored as JSON text: a string with its quotes), bytes, or null for a tombstone. Bytes are not
   * copied: leave them as they are until the record is stored.
   */
  value: JsonValue | Uint8Array | object;
  headers?: RecordHeaders | undefined;
  /** Milliseconds since 1970, or a Date. Default now. */
  timestamp?: number | Date | undefined;
  /** Overrides the choice by key. */
  partition?: number | undefined;
}

const NO_HEADERS: readonly RecordHeader[] = [];

export function keyBytes(key: OutgoingRecord['key']): Uint8Array | null {
  if (key === null || key === undefined) return null;
  if (typeof key === 'string') return bytesOfText(key);
  if (key instanceof Uint8Array) return key;
  throw invalidArgument(`a key is text, a Uint8Array or null, got ${kindOf(key)}`);
}

export function valueBytes(value: unknown): Uint8Array | null {
  if (value === null) return null;
  if (typeof value === 'object') {
    if (value instanceof Uint8Array) return value;
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    if (value instanceof ArrayBuffer) return new Uint8Array(value);
    if (Object.hasOwn(value, '$base64')) return bytesOfBase64(value as { $base64: unknown });
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw invalidArgument(`a value is JSON, which has no ${value}`);
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw invalidArgument(`the value cannot be written as JSON: ${(cause as Error).message}`);
  }
  if (text === undefined) {
    throw invalidArgument(`a value is JSON, a Uint8Array or null (a tombstone), got ${kindOf(value)}`);
  }
  if (text.includes('null')) checkFinite(value);
  return bytesOfText(text);
}

/** `JSON.stringify` writes null for NaN and the infinities, so a reader would get another value. */
function checkFinite(value: unknown): void {
  JSON.stringify(value, (name, member: unknown) => {
    if (typeof member !== 'number' || Number.isFinite(member)) return member;
    throw invalidArgument(`a value is JSON, which has no ${member} ("${name}")`);
  });
}

/** The object that represents bytes in JSON means bytes here too, so that a parsed reply can be sent again. */
function bytesOfBase64(value: { $base64: unknown }): Uint8Array {
  const { $base64: text } = value;
  try {
    if (typeof text === 'string' && Object.keys(value).length === 1 && text.length % 4 === 0) {
      return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    }
  } catch {
    // Not base64.
  }
  throw invalidArgument(
    '{"$base64": "..."} stands for bytes: padded base64 and nothing beside; or send a Uint8Array',
  );
}

export function recordHeaders(headers: RecordHeaders | undefined): readonly RecordHeader[] {
  if (headers === undefined) return NO_HEADERS;
  if (Array.isArray(headers)) {
    for (const { key } of headers as readonly RecordHeader[]) checkWellFormed(key);
    return headers as readonly RecordHeader[];
  }
  return Object.entries(headers as Record<string, HeaderValue | HeaderValue[]>).flatMap(([key, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => ({
      key: checkWellFormed(key),
      value: headerBytes(key, value),
    })),
  );
}

function headerBytes(name: string, value: HeaderValue): Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value;
  if (typeof value === 'string') return bytesOfText(value);
  throw invalidArgument(`header "${name}" is text, a Uint8Array or null, got ${kindOf(value)}`);
}

export function timestampMs(timestamp: number | Date, nowMs: number): number {
  const ms = typeof timestamp === 'number' ? timestamp : Number(timestamp);
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw invalidArgument(`a timestamp is whole milliseconds since 1970, got ${String(timestamp)}`);
  }
  if (ms > nowMs + TIMESTAMP_AHEAD_MS_MAX) {
    throw invalidArgument(`timestamp ${ms} is more than one hour ahead of now`);
  }
  return ms;
}

const kindOf = (value: unknown): string =>
  typeof value === 'object' ? (value?.constructor?.name ?? 'an object') : typeof value;
