/**
 * UTF-8 of header names. They are short and mostly ASCII, and a batch may hold thousands, so the usual case is done
 * here without a TextEncoder call and its allocation for each name.
 *
 * A lone surrogate has no UTF-8 form; it becomes U+FFFD, as in TextEncoder (Java writes `?`). Whoever makes records
 * refuses such a name before, and verification refuses names that are not UTF-8.
 */

// ignoreBOM keeps a leading U+FEFF, which is part of the name and not a mark of the encoding.
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Names up to this many bytes are decoded here, longer ones by the platform. */
const SHORT_BYTES = 48;

/** Encoded size of `text`, in bytes. */
export function utf8Size(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      size += 1;
    } else {
      size += 2;
      // A pair takes four bytes: its two units, counted above, and these two.
      if (isPair(text, i)) i++;
    }
  }
  return size;
}

/** Writes `text` and returns the position after it. */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  let next = at;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      bytes[next++] = unit;
    } else if (unit < 0x800) {
      bytes[next++] = 0xc0 | (unit >> 6);
      bytes[next++] = 0x80 | (unit & 0x3f);
    } else if (isPair(text, i)) {
      const point = text.codePointAt(i)!;
      i++;
      bytes[next++] = 0xf0 | (point >> 18);
      bytes[next++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[next++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[next++] = 0x80 | (point & 0x3f);
    } else {
      const point = (unit & 0xf800) === 0xd800 ? 0xfffd : unit;
      bytes[next++] = 0xe0 | (point >> 12);
      bytes[next++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[next++] = 0x80 | (point & 0x3f);
    }
  }
  return next;
}

/** Reads `bytes[start, end)`; malformed sequences become U+FFFD. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_BYTES) {
    let text = '';
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return decoder.decode(bytes.subarray(start, end));
}

/** Whether `bytes[start, end)` are UTF-8. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && bytes[at]! < 0x80) at++;
  if (at === end) return true;
  try {
    strictDecoder.decode(bytes.subarray(at, end));
    return true;
  } catch {
    return false;
  }
}

function isPair(text: string, i: number): boolean {
  return (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
}
