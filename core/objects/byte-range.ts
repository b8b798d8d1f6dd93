/** Byte range: the bytes of an object that a request asks for (RFC 9110, section 14). */

export interface ByteRange {
  offset: number;
  length: number;
}

const ONE_RANGE = /^bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/;

/**
 * Returns the bytes that a `Range` header names; null for all of them, which is the answer to several ranges and to units other
 * than bytes; 'unsatisfiable' if the object has none of them.
 */
export function byteRange(header: string | undefined, bytes: number): ByteRange | null | 'unsatisfiable' {
  const match = ONE_RANGE.exec(header ?? '');
  if (!match) return null;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), bytes);
    return length === 0 ? 'unsatisfiable' : { offset: bytes - length, length };
  }
  const offset = Number(first);
  if (last !== undefined && Number(last) < offset) return null;
  if (offset >= bytes) return 'unsatisfiable';
  const end = last === undefined ? bytes : Math.min(bytes, Number(last) + 1);
  return { offset, length: end - offset };
}
