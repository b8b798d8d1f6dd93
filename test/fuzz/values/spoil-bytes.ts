/** Bytes that are nearly right: some changed, some missing, some there twice, numbers in them at the end of their range. */

import type { Random } from '../../crash/random.ts';
import { pick } from './schema-values.ts';

const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

export function spoilBytes(whole: Uint8Array, random: Random): Uint8Array {
  let bytes = new Uint8Array(whole);
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    const at = Math.floor(random() * bytes.length);
    const kind = pick(random, ['flip', 'set', 'edge', 'cut', 'remove', 'repeat', 'insert']);
    const view = new DataView(bytes.buffer);
    if (bytes.length === 0) return bytes;
    if (kind === 'flip') bytes[at]! ^= 1 << Math.floor(random() * 8);
    else if (kind === 'set') bytes[at] = Math.floor(random() * 256);
    else if (kind === 'edge' && at + 4 <= bytes.length) view.setUint32(at, pick(random, EDGES));
    else if (kind === 'cut') bytes = bytes.slice(0, at);
    else {
      const length = Math.floor(random() * 8);
      const middle = {
        remove: new Uint8Array(),
        repeat: concat(bytes.slice(at, at + length), bytes.slice(at, at + length)),
        insert: concat(
          Uint8Array.from({ length }, () => Math.floor(random() * 256)),
          bytes.slice(at, at + length),
        ),
      }[kind];
      if (middle) bytes = concat(bytes.slice(0, at), middle, bytes.slice(at + length));
    }
  }
  return bytes;
}

export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}
