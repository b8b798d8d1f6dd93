/**
 * JSON of a request: checked in one linear pass before anything recursive sees it, with the values that belong to users
 * (bodies and values of messages and records) left as `JsonText`, and with no text in it that UTF-8 cannot hold.
 */

import { failure, type Failure } from '../errors.ts';
import { scanJson, type JsonFault, type JsonPath } from './json-scan.ts';
import { JsonText } from './json-text.ts';
import { JSON_DEPTH_MAX } from '../limits.ts';

const encoder = new TextEncoder();

/** No more than may nest. */
const FLAT_BRACKETS_MAX = 16;
const OPENING_BRACKETS = [0x5b, 0x7b];

/** A byte order mark at the start is left out, as clients on Windows send one. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** A second one is an error. */
const wholeDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param path the values that stay as `JsonText`; if a name occurs twice in one object its last value counts */
export function parseJson(bytes: Uint8Array, path: JsonPath = []): { json: unknown } | Failure {
  const body = withoutByteOrderMark(bytes);
  if (path.length === 0 && cannotNestDeeply(body)) return parseFlat(body);
  const scan = scanJson(body, JSON_DEPTH_MAX, path);
  if ('fault' in scan) return faultOf(scan);
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return notUtf8();
  }
  const { spans } = scan;
  if (spans.length > 0) text = decoder.decode(withNumbers(body, spans));
  const json: unknown = JSON.parse(text);
  if (text.includes('\\')) {
    const problem = findLoneSurrogate(json, text);
    if (problem) return problem;
  }
  if (spans.length === 0) return { json };
  // A request of one message may wait long for its answer: it does not hold the whole body in memory.
  const part = spans.length === 2 ? body.slice.bind(body) : body.subarray.bind(body);
  const textOf = (index: number): JsonText =>
    JsonText.ofBytes(part(spans[2 * index]!, spans[2 * index + 1]!));
  return { json: withTexts(json, path, textOf) };
}

/** A text with so few opening brackets, also within strings, needs no scan: nothing recursive goes deep in it. */
function cannotNestDeeply(body: Uint8Array): boolean {
  let left = FLAT_BRACKETS_MAX;
  for (const bracket of OPENING_BRACKETS)
    for (let at = body.indexOf(bracket); at >= 0; at = body.indexOf(bracket, at + 1))
      if (--left < 0) return false;
  return true;
}

/** Only a text that is no JSON is scanned, to say where. */
function parseFlat(body: Uint8Array): { json: unknown } | Failure {
  let text: string;
  try {
    text = wholeDecoder.decode(body);
  } catch {
    const scan = scanJson(body, JSON_DEPTH_MAX);
    return 'fault' in scan ? faultOf(scan) : notUtf8();
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return faultOf(scanJson(body, JSON_DEPTH_MAX) as JsonFault);
  }
  return (text.includes('\\') ? findLoneSurrogate(json, text) : null) ?? { json };
}

function notUtf8(): Failure {
  return failure('malformed_json', 'the body is not JSON: it is not UTF-8');
}

export function withoutByteOrderMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** As `parseJson`, of the text of a WebSocket message or of a member that is JSON itself. */
export function parseJsonText(text: string, path: JsonPath = []): { json: unknown } | Failure {
  return parseJson(encoder.encode(text), path);
}

function faultOf({ fault, at }: JsonFault): Failure {
  if (fault === 'malformed')
    return failure('malformed_json', `the body is not JSON: it is wrong at byte ${at}`);
  return failure(
    'malformed_json',
    `the body nests deeper than ${JSON_DEPTH_MAX} arrays and objects at byte ${at}; send such a value as bytes`,
    { depth_max: JSON_DEPTH_MAX },
  );
}

/** The text with a number, from 0, instead of each span. */
function withNumbers(bytes: Uint8Array, spans: readonly number[]): Uint8Array {
  const result = new Uint8Array(bytes.length + 7 * spans.length); // a number has fewer than 14 digits
  let end = 0;
  let from = 0;
  for (let i = 0; i < spans.length; i += 2) {
    const start = spans[i]!;
    result.set(bytes.subarray(from, start), end);
    end += start - from;
    const digits = String(i / 2);
    for (let j = 0; j < digits.length; j++) result[end++] = digits.charCodeAt(j);
    from = spans[i + 1]!;
  }
  result.set(bytes.subarray(from), end);
  return result.subarray(0, end + bytes.length - from);
}

/** Every value at the path is a number now, and becomes the text that it stands for. */
function withTexts(json: unknown, path: JsonPath, textOf: (index: number) => JsonText): unknown {
  const replace = (container: unknown, step: number): void => {
    const name = path[step]!;
    const isLast = step === path.length - 1;
    if (path[step] === null) {
      if (!Array.isArray(container)) return;
      if (isLast) container.forEach((index: number, at) => (container[at] = textOf(index)));
      else for (const element of container) replace(element, step + 1);
    } else if (isObject(container) && Object.hasOwn(container, name)) {
      if (isLast) container[name] = textOf(container[name] as number);
      else replace(container[name], step + 1);
    }
  };
  replace(json, 0);
  return json;
}

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** An escape such as `\ud800` without its other half has no UTF-8, so what it is in could not be stored as it is. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

function findLoneSurrogate(json: unknown, text: string): Failure | null {
  if (!SURROGATE_ESCAPE.test(text)) return null;
  const open: unknown[] = [json];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'string') {
      if (!value.isWellFormed()) return loneSurrogate(value);
    } else if (typeof value === 'object' && value !== null) {
      for (const name of Object.keys(value)) if (!name.isWellFormed()) return loneSurrogate(name);
      for (const member of Object.values(value)) open.push(member);
    }
  }
  return null;
}

function loneSurrogate(text: string): Failure {
  const shown = JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 60)}...`);
  return failure(
    'invalid_field',
    `${shown} has half of a surrogate pair, which no UTF-8 can hold; send it as bytes`,
  );
}
