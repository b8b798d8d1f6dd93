/** Output: frames that wait to be written. They share a buffer, since each write of a socket costs a system call. */

import { ByteWriter } from '../codec/byte-writer.ts';
import { FRAME_OVERHEAD, FRAME_TYPES, writeContentHeader, writeFrame } from '../codec/frames.ts';
import { writeMethod } from '../codec/method-codec.ts';
import { METHODS, type MethodFields, type MethodName } from '../codec/methods.ts';

const EMPTY = new Uint8Array();

export class Output {
  frameMax = 4_096;
  /** Null if nothing waits: an idle connection has no buffer. */
  #writer: ByteWriter | null = null;

  get bytes(): number {
    return this.#writer?.length ?? 0;
  }

  add(bytes: Uint8Array): void {
    this.#waiting.bytes(bytes);
  }

  method<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void {
    const writer = this.#waiting;
    writeFrame(writer, FRAME_TYPES.method, channel, () => writeMethod(writer, name, fields));
  }

  /** A method with its content: nothing of the channel may come between its frames. */
  content<Name extends MethodName>(
    channel: number,
    name: Name,
    fields: MethodFields<Name>,
    { rawProperties, body }: { rawProperties: Uint8Array; body: Uint8Array },
  ): void {
    const writer = this.#waiting;
    this.method(channel, name, fields);
    const { classId } = METHODS[name];
    writeFrame(writer, FRAME_TYPES.header, channel, () =>
      writeContentHeader(writer, classId, body.length, rawProperties),
    );
    const pieceMax = this.frameMax - FRAME_OVERHEAD;
    for (let at = 0; at < body.length; at += pieceMax) {
      const piece = body.subarray(at, at + pieceMax);
      writeFrame(writer, FRAME_TYPES.body, channel, () => writer.bytes(piece));
    }
  }

  take(): Uint8Array {
    const taken = this.#writer?.result() ?? EMPTY;
    this.#writer = null;
    return taken;
  }

  get #waiting(): ByteWriter {
    return (this.#writer ??= new ByteWriter(256));
  }
}
