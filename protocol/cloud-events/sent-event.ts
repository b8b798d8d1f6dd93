/**
 * Sent event: a record or a message as a CloudEvent 1.0 that leaves the broker, in the binary or the structured form of the HTTP
 * binding. What came in as an event leaves with its own attributes; other messages get them from their properties.
 */

import { base64OfBytes, isJson, textOfBytes } from '../json/json-bytes.ts';
import { JsonText } from '../json/json-text.ts';
import { PROPERTY_HEADERS, RESERVED_PREFIX } from '../headers/message-headers.ts';
import type { LogRecord } from '../record-batch/index.ts';
import { isJsonType, type CloudEvent } from './cloud-event.ts';

/** The type of messages that have none. */
export const TYPE_DEFAULT = 'posthorn.message';

/** As the Kafka binding of CloudEvents writes attributes. */
const RECORD_HEADER = /^ce_([a-z0-9]{1,100})$/;

type Stored = Pick<LogRecord, 'key' | 'value' | 'timestamp' | 'headers'>;

/** @param defaults for a message that did not come in as an event and has no message id */
export function eventOfMessage(record: Stored, defaults: { id: string; source: string }): CloudEvent {
  const attributes = attributesOf(record);
  const reserved = (name: string): string | undefined => textOfHeader(record, name);
  if (!attributes.has('specversion')) {
    attributes.set('specversion', '1.0');
    attributes.set('id', reserved(PROPERTY_HEADERS.message_id) ?? defaults.id);
    attributes.set('source', defaults.source);
    attributes.set('type', reserved(PROPERTY_HEADERS.type) ?? TYPE_DEFAULT);
    const ms = Number(reserved(PROPERTY_HEADERS.timestamp) ?? record.timestamp);
    if (ms >= 0 && ms <= 8.64e15) attributes.set('time', new Date(ms).toISOString());
    const key = record.key && textOfBytes(record.key);
    if (typeof key === 'string' && key !== '') attributes.set('partitionkey', key);
  }
  const type = attributes.get('datacontenttype') ?? reserved(PROPERTY_HEADERS.content_type);
  if (type !== undefined) attributes.set('datacontenttype', type);
  else if (record.value !== null)
    attributes.set('datacontenttype', isJson(record.value) ? 'application/json' : 'application/octet-stream');
  return { attributes, data: record.value };
}

/** The headers of the binary form, whose body is the data. */
export function headersOfEvent({ attributes }: CloudEvent): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, text] of attributes) {
    if (name === 'datacontenttype') headers['content-type'] = headerText(text);
    else headers[`ce-${name}`] = percentEncoded(text);
  }
  return headers;
}

/** The structured form, for `writeJson`. */
export function jsonOfEvent({ attributes, data }: CloudEvent): Record<string, unknown> {
  const json: Record<string, unknown> = Object.fromEntries(attributes);
  if (data === null) return json;
  const type = attributes.get('datacontenttype');
  if (isJsonType(type) && isJson(data)) return { ...json, data: JsonText.ofBytes(data) };
  const text = isText(type) ? textOfBytes(data) : null;
  return typeof text === 'string' ? { ...json, data: text } : { ...json, data_base64: base64OfBytes(data) };
}

function attributesOf({ headers }: Stored): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const { key, value } of headers) {
    const name = RECORD_HEADER.exec(key)?.[1];
    const text = value && textOfBytes(value);
    if (name !== undefined && typeof text === 'string') attributes.set(name, text);
  }
  const isWhole = ['specversion', 'id', 'source', 'type'].every((name) => attributes.has(name));
  return isWhole ? attributes : new Map();
}

function textOfHeader({ headers }: Stored, name: string): string | undefined {
  if (!name.startsWith(RESERVED_PREFIX)) return undefined;
  const value = headers.find(({ key }) => key === name)?.value;
  const text = value && textOfBytes(value);
  return typeof text === 'string' && text !== '' ? text : undefined;
}

function isText(type: string | undefined): boolean {
  return type !== undefined && /^\s*(?:text\/|application\/xml|[^;]*\+xml)/i.test(type);
}

/** As the HTTP binding says: all but visible ASCII, the quote and the percent sign. */
function percentEncoded(text: string): string {
  return text.replaceAll(/[^!#-$&-~]+/gu, (part) => encodeURIComponent(part.toWellFormed()));
}

/** Nothing that would end the header. */
function headerText(text: string): string {
  return text.replaceAll(/[^ -~]+/g, '').trim();
}
