/** Headers as JSON: name to value, with an array if a name occurs more than once. */

import * as z from '../zod.ts';
import {
  base64BytesSchema,
  base64Problem,
  bytesOfText,
  isBase64Bytes,
  textOfBytes,
  type TextOrBytes,
} from './json-bytes.ts';
import { HEADER_VALUES_MAX } from '../limits.ts';
import { RESERVED_PREFIX } from '../headers/message-headers.ts';
import { namedValuesSchema, type NamedProblem } from './named-values.ts';
import type { RecordHeader } from '../record-batch/index.ts';

export type HeaderValue = TextOrBytes | null;
export type HeaderFields = Record<string, HeaderValue | HeaderValue[]>;

/** Headers that go out, in the order of the record, for `writeJson`. */
export type WrittenHeaders = Map<string, HeaderValue | HeaderValue[]>;

const headerValueSchema = z.union([z.string(), base64BytesSchema, z.null()]);

/** What comes out. */
export const headersOutSchema = z.record(
  z.string(),
  z.union([headerValueSchema, z.array(headerValueSchema)]),
);

/** Names that a client may give where some are the broker's, as members of a JSON Schema. */
const NOT_THE_BROKERS = { not: { pattern: `^${RESERVED_PREFIX}` } };

/** What comes in. @param isBrokers whether names that begin with ":" are the broker's */
export function headersInSchema({ isBrokers }: { isBrokers: boolean }): z.ZodType<HeaderFields> {
  const document = isBrokers ? headersOutSchema.meta({ propertyNames: NOT_THE_BROKERS }) : headersOutSchema;
  return namedValuesSchema<HeaderFields>(document, (members) => headersProblem(members, isBrokers));
}

function headersProblem(
  headers: readonly [name: string, values: unknown][],
  isBrokers: boolean,
): NamedProblem | null {
  let count = 0;
  for (const [name, values] of headers) {
    count += Array.isArray(values) ? values.length : 1;
    if (count > HEADER_VALUES_MAX) {
      return { path: [], message: `has more than ${HEADER_VALUES_MAX} values; send a record batch instead` };
    }
    if (isBrokers && name.startsWith(RESERVED_PREFIX)) {
      return { path: [name], message: `names that begin with "${RESERVED_PREFIX}" are the broker's` };
    }
  }
  for (const [name, values] of headers) {
    const isList = Array.isArray(values);
    for (const [index, value] of (isList ? values : [values]).entries()) {
      const message = valueProblem(value);
      if (message !== null) return { path: isList ? [name, index] : [name], message };
    }
  }
  return null;
}

function valueProblem(value: unknown): string | null {
  if (typeof value === 'string' || value === null) return null;
  return isBase64Bytes(value)
    ? base64Problem(value)
    : 'expected text, null, {"$base64": "..."}, or an array of them';
}

/** The headers of a record. */
export function recordHeadersOf(headers: HeaderFields | undefined): RecordHeader[] {
  if (headers === undefined) return [];
  return Object.entries(headers).flatMap(([key, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => ({
      key,
      value: value === null ? null : bytesOfText(value),
    })),
  );
}

/** The headers of a record for a reader; undefined if there are none. */
export function headersOut(headers: readonly RecordHeader[]): WrittenHeaders | undefined {
  if (headers.length === 0) return undefined;
  const byName: WrittenHeaders = new Map();
  for (const { key, value } of headers) {
    const text = value === null ? null : textOfBytes(value);
    const known = byName.get(key);
    if (known === undefined) byName.set(key, text);
    else if (Array.isArray(known)) known.push(text);
    else byName.set(key, [known, text]);
  }
  return byName;
}
