/**
 * JSON and bytes: how each represents the other.
 *
 *   value in JSON            bytes of the record          back in JSON
 *   ----------------------   --------------------------   ---------------------------------
 *   null                     null (a tombstone)           null
 *   {"$base64": "..."}       those bytes                  their JSON text, if they are JSON text that the
 *                                                         first two rows do not claim, else {"$base64": "..."}
 *   any other value          its text as it was sent      the same text
 *
 * So what comes back can be sent again and becomes the same bytes, but for space around a value. The bytes `null`, and JSON text of an object with a
 * member `$base64`, come back as {"$base64": "..."}, and so does JSON that nests deeper than `JSON_DEPTH_MAX`.
 *
 * A key is text or bytes: `"a"` is the byte 0x61, without quotes, so that a key lands where a Kafka client with a
 * string serializer puts it. Header values follow the keys.
 */

import * as z from '../zod.ts';
import { scanJson } from './json-scan.ts';
import { JsonText } from './json-text.ts';
import { JSON_DEPTH_MAX } from '../limits.ts';

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface Base64Bytes {
  $base64: string;
}

/** RFC 4648 section 4, padded. For the document: on long text the expression would exhaust the stack. */
const BASE64_PATTERN = '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$';

const BASE64_RULE = 'expected padded base64 (RFC 4648 section 4)';

export const base64BytesSchema = z
  .strictObject({
    $base64: z.string().refine(isBase64, BASE64_RULE).meta({ pattern: BASE64_PATTERN }),
  })
  .describe('Bytes, as padded base64');

/** Of a value: an object with `$base64` has nothing else in it. As members of a JSON Schema. */
export const BYTES_OR_JSON = {
  anyOf: [
    {
      type: 'object',
      required: ['$base64'],
      properties: { $base64: { type: 'string', pattern: BASE64_PATTERN } },
      additionalProperties: false,
    },
    { not: { type: 'object', required: ['$base64'] } },
  ],
};
function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  for (let i = text.length - padding - 1; i >= 0; i--) if (!BASE64_UNITS[text.charCodeAt(i)]) return false;
  return true;
}

const BASE64_UNITS: readonly boolean[] = Array.from({ length: 128 }, (_, unit) =>
  /[A-Za-z0-9+/]/.test(String.fromCharCode(unit)),
);

/** What is wrong with an object that has `$base64`; null if nothing is. */
export function base64Problem(value: Base64Bytes): string | null {
  if (Object.keys(value).length > 1) return 'an object with $base64 has nothing beside it';
  return typeof value.$base64 === 'string' && isBase64(value.$base64) ? null : BASE64_RULE;
}

export const textOrBytesSchema = z.union([z.string(), base64BytesSchema]);
export type TextOrBytes = z.infer<typeof textOrBytesSchema>;

export function bytesOfBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export function base64OfBytes(bytes: Uint8Array): string {
  let binary = '';
  const step = 8_192; // below the argument limit of every engine
  for (let i = 0; i < bytes.length; i += step) binary += String.fromCharCode(...bytes.subarray(i, i + step));
  return btoa(binary);
}

export function bytesOfText(text: TextOrBytes): Uint8Array {
  return typeof text === 'string' ? encoder.encode(text) : bytesOfBase64(text.$base64);
}

export function textOfBytes(bytes: Uint8Array): TextOrBytes {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return { $base64: base64OfBytes(bytes) };
  }
}

export function isBase64Bytes(value: unknown): value is Base64Bytes {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, '$base64');
}

/** `undefined` if the value claims to be bytes but is not: an object with `$base64` and no valid base64 in it. */
export function bytesOfValue(value: unknown): Uint8Array | null | undefined {
  if (value === null) return null;
  if (value instanceof JsonText) {
    const { bytes } = value;
    if (isNull(bytes)) return null;
    return mayHaveBase64Member(bytes) && hasBase64Member(bytes)
      ? bytesOfValue(JSON.parse(value.text))
      : bytes;
  }
  if (!isBase64Bytes(value)) return encoder.encode(JSON.stringify(value));
  return base64Problem(value) === null ? bytesOfBase64(value.$base64) : undefined;
}

/** The value of a record for a reader of JSON, to be written by `writeJson`. */
export function valueOfBytes(bytes: Uint8Array | null): JsonText | Base64Bytes | null {
  if (bytes === null) return null;
  const scan = scanJson(bytes, JSON_DEPTH_MAX, BASE64_MEMBER);
  if ('fault' in scan || scan.spans.length > 0 || isNull(bytes)) return { $base64: base64OfBytes(bytes) };
  const text = textOfBytes(bytes);
  return typeof text === 'string' ? JsonText.ofText(text) : text;
}

/** Whether the bytes are JSON text that readers of JSON take. */
export function isJson(bytes: Uint8Array): boolean {
  return !('fault' in scanJson(bytes, JSON_DEPTH_MAX)) && typeof textOfBytes(bytes) === 'string';
}

const BASE64_MEMBER = ['$base64'];
const DOLLAR = 0x24;
const OBJECT_START = 0x7b;
const BACKSLASH = 0x5c;
const LETTER_N = 0x6e;

/** Whether JSON text, perhaps with space around it, is `null`: no other begins so. */
function isNull(bytes: Uint8Array): boolean {
  let at = 0;
  while (bytes[at]! <= 0x20) at++;
  return bytes[at] === LETTER_N;
}

/** False for nearly everything. The name may be escaped. */
function mayHaveBase64Member(bytes: Uint8Array): boolean {
  return bytes[0] === OBJECT_START && (bytes.includes(DOLLAR) || bytes.includes(BACKSLASH));
}

function hasBase64Member(bytes: Uint8Array): boolean {
  const scan = scanJson(bytes, JSON_DEPTH_MAX, BASE64_MEMBER);
  return 'spans' in scan && scan.spans.length > 0;
}
