/**
 * Frame reader: cuts the bytes of a connection into frames, however the network has cut them. It holds at most one frame that is
 * not complete, and it refuses a frame by its head, before the payload is there.
 */

import { amqpError, isAmqpError, type AmqpError } from '../reply-codes.ts';
import { FRAME_END, FRAME_HEAD, FRAME_MIN_SIZE, FRAME_OVERHEAD, type Frame } from './frames.ts';

const EMPTY = new Uint8Array();

export class FrameReader {
  /** The largest frame in bytes, all in all. It grows once both sides have agreed on it. */
  frameMax = FRAME_MIN_SIZE;
  /** The beginning of a frame. Its first `#length` bytes are filled. */
  #held = EMPTY;
  #length = 0;

  /**
   * Calls `take` for each frame that is complete with these bytes. Stops when `take` returns false: the rest is then
   * dropped, since nobody listens any more.
   */
  read(chunk: Uint8Array, take: (frame: Frame) => boolean): AmqpError | null {
    let at = this.#length > 0 ? this.#complete(chunk, take) : 0;
    if (isAmqpError(at)) return at;
    while (chunk.length - at >= FRAME_HEAD) {
      const size = this.#sizeOf(chunk, at);
      if (isAmqpError(size)) return size;
      if (chunk.length - at < size) break;
      const frame = frameOf(chunk, at, at + size);
      if (isAmqpError(frame)) return frame;
      at += size;
      if (!take(frame)) return null;
    }
    this.#hold(chunk.subarray(at));
    return null;
  }

  /** Adds to the frame that is held. Returns how many bytes of the chunk belong to it. */
  #complete(chunk: Uint8Array, take: (frame: Frame) => boolean): number | AmqpError {
    let used = Math.min(Math.max(FRAME_HEAD - this.#length, 0), chunk.length);
    this.#append(chunk.subarray(0, used));
    if (this.#length < FRAME_HEAD) return used;
    const size = this.#sizeOf(this.#held, 0);
    if (isAmqpError(size)) return size;
    const more = Math.min(size - this.#length, chunk.length - used);
    this.#append(chunk.subarray(used, used + more));
    used += more;
    if (this.#length < size) return used;
    const frame = frameOf(this.#held, 0, size);
    this.#length = 0;
    this.#held = EMPTY;
    if (isAmqpError(frame)) return frame;
    return take(frame) ? used : chunk.length;
  }

  #hold(rest: Uint8Array): void {
    if (rest.length > 0) this.#append(rest);
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#held.length) {
      const held = new Uint8Array(Math.min(Math.max(length, 2 * this.#held.length), this.frameMax));
      held.set(this.#held.subarray(0, this.#length));
      this.#held = held;
    }
    this.#held.set(bytes, this.#length);
    this.#length = length;
  }

  #sizeOf(bytes: Uint8Array, at: number): number | AmqpError {
    const length = bytes[at + 3]! * 2 ** 24 + (bytes[at + 4]! << 16) + (bytes[at + 5]! << 8) + bytes[at + 6]!;
    const size = length + FRAME_OVERHEAD;
    if (size <= this.frameMax) return size;
    return amqpError('frame-error', `a frame of ${size} bytes; ${this.frameMax} are the most`);
  }
}

function frameOf(bytes: Uint8Array, start: number, end: number): Frame | AmqpError {
  if (bytes[end - 1] !== FRAME_END) {
    return amqpError('frame-error', 'a frame does not end with 0xce where its length says');
  }
  return {
    type: bytes[start]!,
    channel: (bytes[start + 1]! << 8) | bytes[start + 2]!,
    payload: bytes.subarray(start + FRAME_HEAD, end - 1),
  };
}
