/** Value texts: stored bytes as JSON on one line, or as they are. */

import { isUtf8 } from 'node:buffer';
import { scanJson } from '../../../protocol/json/json-scan.ts';
import type { RecordHeader } from '../../../protocol/record-batch/index.ts';
import { textOf } from '../../values/received.ts';

/** How deep JSON may nest that is passed on as it is. */
const DEPTH_MAX = 100_000;

const NULL = Buffer.from('null');
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;

/**
 * The bytes as one line of JSON, in the very digits that were sent; bytes that are no JSON as `{"$base64": "..."}`. They are
 * looked at and not parsed, because a hundred thousand a second pass here.
 */
export function jsonBytes(bytes: Uint8Array | null): Uint8Array {
  if (bytes === null) return NULL;
  if ('fault' in scanJson(bytes, DEPTH_MAX) || !isUtf8(bytes)) {
    return Buffer.from(JSON.stringify({ $base64: Buffer.from(bytes).toString('base64') }));
  }
  if (!bytes.includes(NEWLINE) && !bytes.includes(RETURN)) return bytes;
  // Within a JSON text a line break can only be white space between members.
  return bytes.map((byte) => (byte === NEWLINE || byte === RETURN ? SPACE : byte));
}

export function jsonText(bytes: Uint8Array | null): string {
  return textOf(jsonBytes(bytes));
}

/** Lines with their ends, as one piece to write. */
export function joinLines(lines: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (typeof lines[0] === 'string') return `${lines.join('\n')}\n`;
  const parts = lines as readonly Uint8Array[];
  const joined = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + part.length + 1, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
    joined[at++] = NEWLINE;
  }
  return joined;
}

/** A JSON string without its quotes, all else as it is. */
export function rawText(bytes: Uint8Array | null): string {
  if (bytes === null) return '';
  const text = textOf(bytes);
  if (!text.startsWith('"')) return text;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}

/** Text, or bytes that are none. */
export function keyText(key: Uint8Array | null): string {
  if (key === null) return 'null';
  const text = textOf(key);
  return JSON.stringify(text.includes('\ufffd') ? { $base64: Buffer.from(key).toString('base64') } : text);
}

export function headersText(headers: readonly RecordHeader[]): string {
  const byName = new Map<string, (string | null)[]>();
  for (const { key, value } of headers) {
    const text = value === null ? null : textOf(value);
    byName.set(key, [...(byName.get(key) ?? []), text]);
  }
  const fields = [...byName].map(([name, texts]) => [name, texts.length === 1 ? texts[0] : texts] as const);
  return JSON.stringify(Object.fromEntries(fields));
}
