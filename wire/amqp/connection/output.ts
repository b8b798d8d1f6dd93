/** Output: frames that wait to be written. Small ones share a buffer, since each write of a socket costs a system call. */

import { encodeContentHeader, encodeFrame, FRAME_OVERHEAD, FRAME_TYPES } from '../codec/frames.ts';
import { encodeMethod } from '../codec/method-codec.ts';
import { METHODS, type MethodFields, type MethodName } from '../codec/methods.ts';

export class Output {
  frameMax = 4_096;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  method<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void {
    this.add(encodeFrame(FRAME_TYPES.method, channel, encodeMethod(name, fields)));
  }

  /** A method with its content: nothing of the channel may come between its frames. */
  content<Name extends MethodName>(
    channel: number,
    name: Name,
    fields: MethodFields<Name>,
    { rawProperties, body }: { rawProperties: Uint8Array; body: Uint8Array },
  ): void {
    this.method(channel, name, fields);
    const header = encodeContentHeader(METHODS[name].classId, body.length, rawProperties);
    this.add(encodeFrame(FRAME_TYPES.header, channel, header));
    const pieceMax = this.frameMax - FRAME_OVERHEAD;
    for (let at = 0; at < body.length; at += pieceMax) {
      this.add(encodeFrame(FRAME_TYPES.body, channel, body.subarray(at, at + pieceMax)));
    }
  }

  take(): Uint8Array {
    const chunks = this.#chunks;
    const bytes = new Uint8Array(this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }
}
