/**
 * UTF-8 of keys and values. A call of `TextEncoder.encode` allocates a buffer of its own, which for short texts costs
 * more than all else that a producer does for a record; so short ASCII is encoded here, and the rest into a shared slab.
 */

import { invalidArgument } from '../errors.ts';

const encoder = new TextEncoder();

const SHORT_LENGTH = 32;

/** Texts above a quarter of the slab get a buffer of their own. */
const SLAB_BYTES = 64 * 1024;

let slab = new Uint8Array(SLAB_BYTES);
let slabEnd = 0;

/** @throws PosthornError `invalid_argument` if the text has half of a surrogate pair: no UTF-8 can hold it */
export function bytesOfText(text: string): Uint8Array {
  return (text.length <= SHORT_LENGTH ? shortAscii(text) : null) ?? slabBytes(checkWellFormed(text));
}

export function checkWellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  const shown = JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 60)}...`);
  throw invalidArgument(`${shown} has half of a surrogate pair, which no UTF-8 can hold; send bytes`);
}

function shortAscii(text: string): Uint8Array | null {
  const { length } = text;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return null;
    bytes[i] = unit;
  }
  return bytes;
}

function slabBytes(text: string): Uint8Array {
  const most = text.length * 3;
  if (most > SLAB_BYTES / 4) return encoder.encode(text);
  if (slabEnd + most > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabEnd = 0;
  }
  const start = slabEnd;
  slabEnd += encoder.encodeInto(text, slab.subarray(start)).written;
  return slab.subarray(start, slabEnd);
}
