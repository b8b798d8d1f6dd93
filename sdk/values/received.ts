/** Received values: what records and messages share. It reads bytes as text and JSON, and headers by name. */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';
import { PosthornError } from '../errors.ts';

// ignoreBOM keeps a leading U+FEFF, which is part of the text.
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

export function textOf<Bytes extends Uint8Array | null>(bytes: Bytes): string | (Bytes & null) {
  return bytes === null ? (null as Bytes & null) : decoder.decode(bytes);
}

/**
 * @param where it came from, for the error
 * @throws PosthornError `unexpected_reply` if it is not JSON
 */
export function jsonOfBytes<Value = JsonValue>(bytes: Uint8Array | null, where: () => string): Value | null {
  if (bytes === null) return null;
  try {
    return JSON.parse(textOf(bytes)) as Value;
  } catch (cause) {
    throw new PosthornError('unexpected_reply', `${where()} is not JSON`, { cause });
  }
}

/** The last of that name as UTF-8; null if its value is null, undefined if there is none. */
export function headerText(headers: readonly RecordHeader[], name: string): string | null | undefined {
  const header = headers.findLast(({ key }) => key === name);
  return header && textOf(header.value);
}
