/**
 * Padding of frames. A waiting reply may begin with bytes 0xFF, because only a write reveals a closed connection
 * (workers/http/signs-of-life.ts). No delivery frame and no group frame begins with one: they begin with a number that
 * is not negative, and with a length below 2^31. The broker sends padding only to clients whose `accept` names it.
 */

export const PADDING_BYTE = 0xff;

/** What follows the content type in `accept`. */
export const PADDED = ';padded=1';

/** The frame without what comes before it; empty if there is none. */
export function withoutPadding(bytes: Uint8Array): Uint8Array {
  let at = 0;
  while (bytes[at] === PADDING_BYTE) at += 1;
  return bytes.subarray(at);
}
