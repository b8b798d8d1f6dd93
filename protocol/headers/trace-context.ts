/**
 * Trace context: the two headers of the W3C recommendation, which say to which trace a message belongs. The broker hands them on
 * as they came, and ignores what does not follow the recommendation.
 */

import type { RecordHeader, RecordInput } from '../record-batch/index.ts';

export interface TraceContext {
  traceparent: string;
  /** Null: there is none, or it is not valid. */
  tracestate: string | null;
}

export const TRACEPARENT_HEADER = 'traceparent';
export const TRACESTATE_HEADER = 'tracestate';

/** Version, trace id, parent id, flags; versions to come may have more behind them. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[\x21-\x7e]*)?$/;

/** Of a version to come. That of version 00 has 55. */
const TRACEPARENT_LENGTH_MAX = 256;

const MEMBERS_MAX = 32;

/** As much as everybody has to hand on. */
const TRACESTATE_LENGTH_MAX = 512;

/** Longer members leave first. */
const MEMBER_LENGTH_LONG = 128;

const MEMBER_KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const MEMBER_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Returns the context of a request or a message; null if it has none that is valid. */
export function traceContextOf(
  traceparent: string | null | undefined,
  tracestate: string | null | undefined,
): TraceContext | null {
  const parent = traceparent?.trim();
  if (!parent || !isTraceparent(parent)) return null;
  return { traceparent: parent, tracestate: tracestate ? validTracestate(tracestate) : null };
}

/** Returns the id of the trace; undefined if the text is no valid `traceparent`. */
export function traceIdOf(traceparent: string): string | undefined {
  return isTraceparent(traceparent) ? traceparent.slice(3, 35) : undefined;
}

/** Returns the context as headers, without those whose name the message has already, in any case. */
export function missingTraceHeaders(own: readonly RecordHeader[], context: TraceContext): RecordHeader[] {
  const names = new Set(own.map(({ key }) => key.toLowerCase()));
  if (names.has(TRACEPARENT_HEADER)) return [];
  const missing: RecordHeader[] = [textHeader(TRACEPARENT_HEADER, context.traceparent)];
  if (context.tracestate !== null && !names.has(TRACESTATE_HEADER))
    missing.push(textHeader(TRACESTATE_HEADER, context.tracestate));
  return missing;
}

function isTraceparent(text: string): boolean {
  if (text.length > TRACEPARENT_LENGTH_MAX) return false;
  const [, version, traceId, parentId, more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return false;
  return /[^0]/.test(traceId!) && /[^0]/.test(parentId!);
}

/** Null if one member is not valid, or a key comes twice: then none of it counts. */
function validTracestate(text: string): string | null {
  const members = text
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  const keys = members.map((member) => member.slice(0, Math.max(0, member.indexOf('='))));
  const areValid = members.every(
    (member, index) =>
      MEMBER_KEY.test(keys[index]!) && MEMBER_VALUE.test(member.slice(keys[index]!.length + 1)),
  );
  if (!areValid || members.length > MEMBERS_MAX || new Set(keys).size < keys.length) return null;
  return shortened(members);
}

/** Whole members leave: those that are long first, then the last. */
function shortened(members: string[]): string | null {
  const length = (): number => members.reduce((sum, member) => sum + member.length + 1, -1);
  while (length() > TRACESTATE_LENGTH_MAX) {
    const long = members.findLastIndex((member) => member.length > MEMBER_LENGTH_LONG);
    members.splice(long === -1 ? members.length - 1 : long, 1);
  }
  return members.length === 0 ? null : members.join(',');
}

function textHeader(key: string, text: string): RecordHeader {
  return { key, value: new TextEncoder().encode(text) };
}

/**
 * Returns the record with the context in its headers. One that has a context of its own stays as it is, and so does one that
 * would become too large: a trace never makes a publish fail.
 */
export function traced<Record extends RecordInput>(
  record: Record,
  context: TraceContext | null,
  isTooLarge: (record: RecordInput) => unknown,
): Record {
  if (context === null) return record;
  const own = record.headers ?? [];
  const missing = missingTraceHeaders(own, context);
  if (missing.length === 0) return record;
  const longer = { ...record, headers: [...own, ...missing] };
  return isTooLarge(longer) ? record : longer;
}
