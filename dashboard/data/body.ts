/** Bodies, keys and headers as people read them: JSON, text, or bytes in hexadecimal. */

export type Form = 'json' | 'text' | 'hex';

interface Base64Bytes {
  readonly $base64: string;
}

/** Returns true for bytes that the broker could not write as JSON. */
export function isBytes(value: unknown): value is Base64Bytes {
  return typeof value === 'object' && value !== null && typeof (value as Base64Bytes).$base64 === 'string';
}

/** The form that shows most of a value. */
export function formOf(value: unknown): Form {
  if (isBytes(value)) return 'hex';
  return typeof value === 'string' ? 'text' : 'json';
}

/** The value in a form, its whole text. */
export function textOf(value: unknown, form: Form): string {
  switch (form) {
    case 'json':
      return jsonOf(value);
    case 'text':
      return isBytes(value) ? new TextDecoder().decode(bytesOf(value)) : plain(value);
    case 'hex':
      return hexOf(bytesOf(value));
  }
}

/** A key or a header, in one line. */
export function lineOf(value: unknown, lengthMax = 200): string {
  const text = isBytes(value) ? `0x${hexLine(bytesOf(value).subarray(0, 40))}` : plain(value);
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
}

/** What an editor shows, and `readEdited` reads. */
export function editableOf(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? '';
}

export function bytesOf(value: unknown): Uint8Array {
  if (!isBytes(value)) return new TextEncoder().encode(plain(value));
  const binary = atob(value.$base64);
  return Uint8Array.from(binary, (unit) => unit.charCodeAt(0));
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** JSON with line breaks; of a text, what it holds if that is JSON. */
function jsonOf(value: unknown): string {
  const held = isBytes(value) || typeof value === 'string' ? textOf(value, 'text') : undefined;
  if (held === undefined) return JSON.stringify(value, null, 2) ?? '';
  try {
    return JSON.stringify(JSON.parse(held), null, 2);
  } catch {
    return JSON.stringify(held);
  }
}

const ROW_BYTES = 16;

/** Rows of an offset, 16 bytes, and what of them can be printed. */
function hexOf(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += ROW_BYTES) {
    const row = bytes.subarray(at, at + ROW_BYTES);
    const shown = [...row].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.'));
    rows.push(
      `${at.toString(16).padStart(8, '0')}  ${hexLine(row).padEnd(3 * ROW_BYTES - 1)}  ${shown.join('')}`,
    );
  }
  return rows.join('\n');
}

function hexLine(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
