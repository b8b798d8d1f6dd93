/**
 * Reply buffers: memory for replies full of records, used again once a client has them. Node counts each new buffer as memory that its
 * garbage collector may win back, and collects once for every few of them: that was half of the time that a fetch took.
 */

/** A smaller one is not worth keeping. */
const POOLED_BYTES_MIN = 64 * 1024;

/** Of all that are kept for the next replies. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024;

/** Buffers that nobody uses, by their size, which is a power of two. */
const kept = new Map<number, ArrayBuffer[]>();
let keptBytes = 0;

/** Buffers that may come back. One that never does is collected as any other. */
const lent = new WeakSet<ArrayBufferLike>();

/** Bytes of any content. Who takes them writes all of them. */
export function takeReplyBuffer(length: number): Uint8Array {
  if (length < POOLED_BYTES_MIN) return new Uint8Array(length);
  const size = 2 ** Math.ceil(Math.log2(length));
  let buffer = kept.get(size)?.pop();
  if (buffer === undefined) buffer = new ArrayBuffer(size);
  else keptBytes -= size;
  lent.add(buffer);
  return new Uint8Array(buffer, 0, length);
}

/** The bytes have gone to the client, and nobody reads them any more. Bytes that came from elsewhere are left alone. */
export function giveReplyBufferBack({ buffer }: Uint8Array): void {
  if (!lent.delete(buffer)) return;
  const size = buffer.byteLength;
  if (keptBytes + size > KEPT_BYTES_MAX) return;
  keptBytes += size;
  const same = kept.get(size);
  if (same === undefined) kept.set(size, [buffer as ArrayBuffer]);
  else same.push(buffer as ArrayBuffer);
}
