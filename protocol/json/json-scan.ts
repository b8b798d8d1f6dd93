/**
 * Scan of JSON text as UTF-8 bytes: whether it is JSON (RFC 8259), how deep it nests, and where some of its values are. It
 * visits each byte once, without recursion and without an allocation per value, so its time depends on the length alone.
 * `JSON.parse`, schemas and other recursive code see only what has passed it.
 *
 * Bytes from 0x80 on are taken as they are inside strings: whether they are UTF-8 is for the decoder to say.
 */

/**
 * Where values are in a text: names of members, and null for any element of an array.
 * `['records', null, 'value']`: the member `value` of each element of the member `records`.
 */
export type JsonPath = readonly (string | null)[];

export interface JsonScan {
  /** Start and end of each value at the path, in the order of the text. */
  spans: number[];
}

export interface JsonFault {
  fault: 'malformed' | 'too_deep';
  /** The position of the byte where it was found. */
  at: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const ARRAY_START = 0x5b;
const BACKSLASH = 0x5c;
const ARRAY_END = 0x5d;
const OBJECT_START = 0x7b;
const OBJECT_END = 0x7d;

/** By their first byte. */
const LITERALS = new Map(
  ['true', 'false', 'null'].map((text) => [text.charCodeAt(0), new TextEncoder().encode(text)]),
);

/** Bytes that may follow a backslash, but for `u`. */
const ESCAPES = new Set(new TextEncoder().encode('"\\/bfnrt'));
const LETTER_U = 0x75;

/** Of each open container, by depth, whether it is an object. Kept between scans, which never overlap. */
let kinds = new Uint8Array(1_024);

/** @param depthMax how many arrays and objects may be open at one place */
export function scanJson(bytes: Uint8Array, depthMax: number, path: JsonPath = []): JsonScan | JsonFault {
  const spans: number[] = [];
  if (kinds.length <= depthMax) kinds = new Uint8Array(depthMax + 1);
  const isObject = kinds;
  const malformed = (at: number): JsonFault => ({ fault: 'malformed', at });
  const isWanted = path.length > 0;
  let depth = 0;
  /** So many first steps of the path lead to the container that is open at that depth. */
  let matched = 0;
  /** Where the value at the path began that is open now; its container is at depth `path.length - 1`. */
  let wantedStart = -1;
  let at = 0;
  for (;;) {
    // A value begins here; in an object its name comes first.
    let isStep = false;
    if (depth > 0 && isObject[depth] === 1) {
      at = skipSpace(bytes, at);
      if (bytes[at] !== QUOTE) return malformed(at);
      const end = stringEnd(bytes, at);
      if (end < 0) return malformed(~end);
      if (isWanted && matched === depth - 1) isStep = isName(bytes, at, end, path[matched]!);
      at = skipSpace(bytes, end);
      if (bytes[at] !== COLON) return malformed(at);
      at++;
    } else if (isWanted && depth > 0 && matched === depth - 1) {
      isStep = path[matched] === null;
    }
    at = skipSpace(bytes, at);
    if (isStep && depth === path.length) wantedStart = at;
    const byte = bytes[at];
    if (byte === OBJECT_START || byte === ARRAY_START) {
      if (depth === depthMax) return { fault: 'too_deep', at };
      if (isStep && depth < path.length) matched = depth;
      depth++;
      isObject[depth] = byte === OBJECT_START ? 1 : 0;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== (byte === OBJECT_START ? OBJECT_END : ARRAY_END)) continue;
    } else {
      const end = byte === QUOTE ? stringEnd(bytes, at) : scalarEnd(bytes, at);
      if (end < 0) return malformed(~end);
      at = end;
      if (wantedStart >= 0 && depth === path.length) {
        spans.push(wantedStart, at);
        wantedStart = -1;
      }
    }
    // A value has ended, or its container is about to.
    for (;;) {
      at = skipSpace(bytes, at);
      if (depth === 0) return at === bytes.length ? { spans } : malformed(at);
      const next = bytes[at];
      if (next === COMMA) {
        at++;
        break;
      }
      if (next !== (isObject[depth] === 1 ? OBJECT_END : ARRAY_END)) return malformed(at);
      at++;
      depth--;
      if (matched > depth - 1) matched = Math.max(0, depth - 1);
      if (wantedStart >= 0 && depth === path.length) {
        spans.push(wantedStart, at);
        wantedStart = -1;
      }
    }
  }
}

/** Whether the string from `start` to `end`, both quotes included, is the name. Any of its characters may be escaped. */
function isName(bytes: Uint8Array, start: number, end: number, name: string | null | undefined): boolean {
  if (name == null) return false;
  const length = end - start - 2;
  if (length < name.length || length > 6 * name.length) return false; // an escape takes up to six bytes
  if (length > name.length) {
    const text = bytes.subarray(start, end);
    return text.includes(BACKSLASH) && JSON.parse(new TextDecoder().decode(text)) === name;
  }
  for (let i = 0; i < length; i++) if (bytes[start + 1 + i] !== name.charCodeAt(i)) return false;
  return true;
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** The position after the string that begins at the quote `start`; if it is malformed, `~` of the position. */
function stringEnd(bytes: Uint8Array, start: number): number {
  const { length } = bytes;
  let at = start + 1;
  for (; at < length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return ~at; // a control character has to be escaped
    if (byte !== BACKSLASH) continue;
    at++;
    if (bytes[at] === LETTER_U) {
      for (let i = 1; i <= 4; i++) if (!isHex(bytes[at + i])) return ~(at + i);
      at += 4;
    } else if (!ESCAPES.has(bytes[at]!)) {
      return ~at;
    }
  }
  return ~length;
}

/** The position after the number, `true`, `false` or `null` at `start`; if there is none, `~` of the position. */
function scalarEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start]!;
  if (first === MINUS || isDigit(first)) return numberEnd(bytes, start);
  const literal = LITERALS.get(first);
  if (literal === undefined) return ~start;
  for (let i = 1; i < literal.length; i++) if (bytes[start + i] !== literal[i]) return ~(start + i);
  return start + literal.length;
}

function numberEnd(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  if (bytes[at] === ZERO) at++;
  else if ((at = digitsEnd(bytes, at)) < 0) return at;
  if (bytes[at] === DOT && (at = digitsEnd(bytes, at + 1)) < 0) return at;
  if (bytes[at] !== 0x65 && bytes[at] !== 0x45) return at;
  at++;
  if (bytes[at] === 0x2b || bytes[at] === MINUS) at++;
  return digitsEnd(bytes, at);
}

function digitsEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isDigit(bytes[at])) at++;
  return at > start ? at : ~at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39;
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}

/** Returns true for a text that is an array, if it is JSON. A byte order mark counts as space. */
export function beginsArray(bytes: Uint8Array): boolean {
  let start = 0;
  while (start < bytes.length && (bytes[start]! <= 0x20 || bytes[start]! >= 0x80)) start++;
  return bytes[start] === 0x5b;
}
