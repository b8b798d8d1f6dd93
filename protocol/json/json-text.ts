/**
 * JSON values that stay as the text that they were written as: numbers keep their digits, objects the order of their
 * members, strings their escapes. `JSON.parse` and `JSON.stringify` would lose them.
 */

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A value as `JSON.parse` returns it. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** The text of one JSON value, as UTF-8 or as a string: each is made from the other when it is asked for. */
export class JsonText {
  #bytes: Uint8Array | null;
  #text: string | null;

  private constructor(bytes: Uint8Array | null, text: string | null) {
    this.#bytes = bytes;
    this.#text = text;
  }

  /** @param bytes UTF-8 of a JSON value; they are not copied */
  static ofBytes(bytes: Uint8Array): JsonText {
    return new JsonText(bytes, null);
  }

  static ofText(text: string): JsonText {
    return new JsonText(null, text);
  }

  get bytes(): Uint8Array {
    return (this.#bytes ??= encoder.encode(this.#text!));
  }

  /** The value, if `JSON.stringify` writes it with just this text; else null. */
  get plain(): { value: JsonValue } | null {
    const value = JSON.parse(this.text) as JsonValue;
    return JSON.stringify(value) === this.text ? { value } : null;
  }

  get text(): string {
    return (this.#text ??= strictDecoder.decode(this.#bytes!));
  }
}

/**
 * JSON of a reply. A `JsonText` is written as its text, a Map as an object with its members in their order, everything
 * else as by `JSON.stringify`. It is recursive: what users send is in it only as `JsonText`.
 */
export function writeJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (value instanceof JsonText) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  let text = '';
  if (value instanceof Map) {
    for (const [name, member] of value as Map<string, unknown>) {
      text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${writeJson(member)}`;
    }
  } else {
    for (const name of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[name];
      if (member !== undefined) text += `${text === '' ? '' : ','}${nameOf(name)}${writeJson(member)}`;
    }
  }
  return `{${text}}`;
}

/** Names of members of replies with their quotes and colon: there are few, and each is written for every record. */
const names = new Map<string, string>();
const NAMES_MAX = 500;

function nameOf(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const written = `${JSON.stringify(name)}:`;
  if (names.size < NAMES_MAX) names.set(name, written);
  return written;
}
