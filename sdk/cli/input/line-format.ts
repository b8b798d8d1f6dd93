/**
 * Line formats: how a line of input becomes a record.
 *
 *   text     the line is the value, a JSON string
 *   json     the line is the value, any JSON, stored as it is written
 *   record   the line is `{"value": ..., "key": ..., "headers": {...}, "timestamp": ..., "partition": ...}`, as `tail --json`
 *            prints it
 */

import { isUtf8 } from 'node:buffer';
import { scanJson } from '../../../protocol/json/json-scan.ts';
import type { OutgoingRecord, RecordHeaders } from '../../values/record-input.ts';

export type LineFormat = 'text' | 'json' | 'record';

export interface LineOptions {
  readonly format: LineFormat;
  /** Between key and value of a text. */
  readonly keySeparator?: string | undefined;
  /** The path of a member of a JSON line that is the key, with dots. */
  readonly keyField?: string | undefined;
  /** Of every record. */
  readonly key?: string | undefined;
  readonly headers?: RecordHeaders | undefined;
  readonly partition?: number | undefined;
}

/** A line that is not what its format asks for. */
export class BrokenLine extends Error {}

const RECORD_MEMBERS = new Set(['key', 'value', 'headers', 'timestamp', 'partition', 'offset', 'topic']);

/** How deep JSON may nest. */
const DEPTH_MAX = 100_000;

/** Returns null for an empty line of JSON, which says nothing. @throws BrokenLine */
export function recordOfLine(line: Uint8Array, options: LineOptions): OutgoingRecord | null {
  if (!isUtf8(line)) throw new BrokenLine('it is not UTF-8');
  const { format, key, headers, partition, keyField, keySeparator } = options;
  const record: OutgoingRecord =
    format === 'json'
      ? { key, headers, partition, value: line }
      : format === 'text'
        ? { key, headers, partition, ...ofText(textOf(line), keySeparator) }
        : { key, headers, partition, value: null };
  if (format === 'text') return record;
  // Looked at and not parsed: parsing takes longer than all else that happens to a line.
  const path = keyField === undefined ? [] : keyField.split('.');
  const scan = scanJson(line, DEPTH_MAX, path);
  if ('fault' in scan) {
    if (textOf(line).trim() === '') return null;
    throw brokenJson(textOf(line));
  }
  if (format === 'record') return { ...record, ...ofRecord(JSON.parse(textOf(line))) };
  if (keyField !== undefined) record.key = keyIn(line, scan.spans, keyField);
  return record;
}

const textOf = (line: Uint8Array): string =>
  Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8');

function ofText(text: string, separator: string | undefined): OutgoingRecord {
  if (separator === undefined) return { value: text };
  const at = text.indexOf(separator);
  if (at < 0) throw new BrokenLine(`it has no ${JSON.stringify(separator)} after its key`);
  return { key: text.slice(0, at), value: text.slice(at + separator.length) };
}

function ofRecord(json: unknown): OutgoingRecord {
  if (typeof json !== 'object' || json === null || !('value' in json)) {
    throw new BrokenLine('it is no record: {"value": ..., "key": ...}');
  }
  const unknown = Object.keys(json).find((name) => !RECORD_MEMBERS.has(name));
  if (unknown !== undefined) throw new BrokenLine(`a record has no member "${unknown}"`);
  const { key, value, headers, timestamp, partition } = json as OutgoingRecord;
  return {
    value,
    ...(key !== undefined && { key: bytesOrText(key) }),
    ...(headers !== undefined && { headers }),
    ...(timestamp !== undefined && { timestamp }),
    ...(partition !== undefined && { partition }),
  };
}

function bytesOrText(key: unknown): string | Uint8Array | null {
  const { $base64: text } = (key ?? {}) as { $base64?: unknown };
  if (typeof text === 'string') return Buffer.from(text, 'base64');
  if (key === null || typeof key === 'string') return key;
  throw new BrokenLine('the key of a record is a text');
}

/** @param spans where its values are; of a name that occurs twice the last counts */
function keyIn(line: Uint8Array, spans: readonly number[], path: string): string {
  const [start, end] = spans.slice(-2);
  const found: unknown = end === undefined ? undefined : JSON.parse(textOf(line.subarray(start, end)));
  if (typeof found === 'string') return found;
  if (typeof found === 'number' || typeof found === 'boolean') return String(found);
  throw new BrokenLine(`it has no key at ${path}`);
}

function brokenJson(text: string): BrokenLine {
  try {
    JSON.parse(text);
    return new BrokenLine('its JSON nests too deep');
  } catch (error) {
    return new BrokenLine(`it is not JSON (${(error as Error).message})`);
  }
}
