/**
 * How JSON and the bytes of a record stand for each other.
 *
 *   value in JSON            bytes of the record          back in JSON
 *   ----------------------   --------------------------   ---------------------------------
 *   {"$base64": "..."}       those bytes                  the JSON value, if the bytes are JSON text,
 *                                                         else {"$base64": "..."}
 *   null                     null (a tombstone)           null
 *   any other value          its JSON text, UTF-8         the same value
 *
 * A key is text or bytes: `"a"` is the byte 0x61, without quotes, so that a key lands where a Kafka client with a
 * string serializer puts it. Header values follow the keys.
 */

import { z } from 'zod';

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface Base64Bytes {
  $base64: string;
}
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** RFC 4648 section 4, padded. */
const BASE64_PATTERN = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export const base64BytesSchema = z
  .strictObject({ $base64: z.string().regex(BASE64_PATTERN, 'expected padded base64 (RFC 4648 section 4)') })
  .describe('Bytes, as padded base64');

/** Of a value: an object with `$base64` has nothing else in it. As members of a JSON Schema. */
export const BYTES_OR_JSON = {
  anyOf: [
    {
      type: 'object',
      required: ['$base64'],
      properties: { $base64: { type: 'string', pattern: BASE64_PATTERN.source } },
      additionalProperties: false,
    },
    { not: { type: 'object', required: ['$base64'] } },
  ],
};

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

function isBase64Bytes(value: unknown): value is Base64Bytes {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, '$base64');
}

/** `undefined` where the value claims to be bytes but is not: an object with `$base64` and no valid base64 in it. */
export function bytesOfValue(value: unknown): Uint8Array | null | undefined {
  if (value === null) return null;
  if (!isBase64Bytes(value)) return encoder.encode(JSON.stringify(value));
  const checked = base64BytesSchema.safeParse(value);
  return checked.success ? bytesOfBase64(checked.data.$base64) : undefined;
}

export function valueOfBytes(bytes: Uint8Array | null): JsonValue {
  if (bytes === null) return null;
  try {
    return JSON.parse(strictDecoder.decode(bytes)) as JsonValue;
  } catch {
    return { $base64: base64OfBytes(bytes) };
  }
}
