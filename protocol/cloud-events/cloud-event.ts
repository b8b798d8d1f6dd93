/**
 * CloudEvent 1.0: the attributes of an event as text, and its data as bytes. It comes in as JSON (structured), or as HTTP
 * headers with the data as the body (binary). The rules are those of the specification, but for two of Debezium's habits:
 * an attribute that is `null` counts as absent, and capitals in the name of an attribute as small letters.
 */

import { failure, type Failure } from '../errors.ts';
import { base64Problem, bytesOfText } from '../json/json-bytes.ts';
import type { JsonText } from '../json/json-text.ts';
import { msOfTime } from './event-time.ts';

/** Of headers in the binary form. */
const HEADER_PREFIX = 'ce-';

/** The header that shows the binary form. */
export const SPEC_VERSION_HEADER = `${HEADER_PREFIX}specversion`;

const REQUIRED = ['id', 'source', 'type'] as const;
const NAME = /^[a-z0-9]{1,100}$/;

const INTEGER_MAX = 2 ** 31 - 1;

export interface CloudEvent {
  /** Names in small letters, extensions among them; `id`, `source`, `type` and `specversion` are always there. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Null: it has none. */
  readonly data: Uint8Array | null;
}

/** Reads the binary form. @param headers names in small letters */
export function eventOfHeaders(
  headers: Iterable<readonly [name: string, value: string]>,
  body: Uint8Array,
): CloudEvent | Failure {
  const attributes = new Map<string, string>();
  for (const [name, value] of headers) {
    if (name === 'content-type') attributes.set('datacontenttype', value);
    if (!name.startsWith(HEADER_PREFIX)) continue;
    const attribute = name.slice(HEADER_PREFIX.length);
    // What the runtime puts in the place of bytes that are no UTF-8.
    const text = value.includes('\ufffd') ? null : percentDecoded(unquoted(value));
    if (text === null) return invalid(`header ${name} is not percent-encoded UTF-8`);
    if (!NAME.test(attribute) || attribute === 'data') return invalidName(attribute);
    if (attribute === 'datacontenttype') return invalid('the type of the data is in the header content-type');
    attributes.set(attribute, text);
  }
  return checked({ attributes, data: body.length === 0 ? null : body });
}

/** Reads the structured form. @param json its `data` is left as `JsonText` */
export function eventOfJson(json: unknown): CloudEvent | Failure {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return invalid('an event is a JSON object');
  const attributes = new Map<string, string>();
  let data: JsonText | null = null;
  let base64: string | null = null;
  for (const [given, value] of Object.entries(json)) {
    if (value === null) continue;
    if (given === 'data') data = value as JsonText;
    else if (given === 'data_base64') {
      const problem = base64Problem({ $base64: value as string });
      if (problem !== null) return invalid(`data_base64: ${problem}`);
      base64 = value as string;
    } else {
      const name = given.toLowerCase();
      if (!NAME.test(name) || name === 'data') return invalidName(given);
      if (attributes.has(name)) return invalid(`attribute ${name} is there twice`);
      const text = textOfAttribute(value);
      if (text === null)
        return invalid(`attribute ${name}: expected a string, a boolean or an integer of 32 bits`);
      attributes.set(name, text);
    }
  }
  if (data?.text === 'null') data = null;
  if (data !== null && base64 !== null) return invalid('data and data_base64 exclude each other');
  if (base64 !== null) return checked({ attributes, data: bytesOfText({ $base64: base64 }) });
  if (data === null) return checked({ attributes, data });
  const bytes = bytesOfData(data, attributes.get('datacontenttype'));
  if (bytes === null) return invalid('data has half of a surrogate pair, which no UTF-8 can hold');
  return checked({ attributes, data: bytes });
}

/** Text whose type is not JSON is that text; everything else is JSON. Null: no bytes are that text. */
function bytesOfData(data: JsonText, type: string | undefined): Uint8Array | null {
  if (isJsonType(type) || !data.text.startsWith('"')) return data.bytes;
  const text = JSON.parse(data.text) as string;
  return text.isWellFormed() ? bytesOfText(text) : null;
}

export function isJsonType(type: string | undefined): boolean {
  if (type === undefined) return true;
  const essence = type.split(';')[0]!.trim().toLowerCase();
  return essence.endsWith('/json') || essence.endsWith('+json');
}

function checked(event: CloudEvent): CloudEvent | Failure {
  const { attributes } = event;
  const version = attributes.get('specversion');
  if (version !== '1.0')
    return invalid(
      `specversion is ${version === undefined ? 'missing' : `"${version.slice(0, 20)}"`}; expected "1.0"`,
    );
  for (const name of REQUIRED) if (!attributes.get(name)) return invalid(`attribute ${name} is required`);
  const time = attributes.get('time');
  if (time !== undefined && msOfTime(time) === null)
    return invalid('attribute time: expected RFC 3339, such as 2026-11-27T12:00:00Z');
  for (const [name, text] of attributes)
    if (hasControl(text)) return invalid(`attribute ${name} has a control character`);
  return event;
}

function textOfAttribute(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' || !Number.isInteger(value)) return null;
  return value >= -INTEGER_MAX - 1 && value <= INTEGER_MAX ? String(value) : null;
}

/** The text of a quoted string of HTTP, without the quotes and escapes (RFC 9110, 5.6.4). Other values stay as they are. */
function unquoted(value: string): string {
  const inner = /^"((?:[^"\\]|\\.)*)"$/.exec(value)?.[1];
  return inner === undefined ? value : inner.replaceAll(/\\(.)/g, '$1');
}

function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    return null;
  }
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return true;
  }
  return false;
}

function invalidName(name: string): Failure {
  return invalid(
    `attribute "${name.slice(0, 40)}": a name has 1 to 100 letters and digits, as CloudEvents has it`,
  );
}

function invalid(message: string): Failure {
  return failure('invalid_event', message);
}
