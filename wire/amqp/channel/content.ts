/** Content assembly: joins the method, the header and the body frames of a published message. */

import { decodeContentHeader, FRAME_TYPES, type ContentHeader, type Frame } from '../codec/frames.ts';
import { METHODS, type MethodFields } from '../codec/methods.ts';
import { amqpError, isAmqpError, type AmqpError } from '../reply-codes.ts';

export interface Content {
  method: MethodFields<'basic.publish'>;
  header: ContentHeader;
  body: Uint8Array;
}

const PUBLISH = METHODS['basic.publish'];

export class ContentAssembly {
  readonly #bodyBytesMax: number;
  #method: MethodFields<'basic.publish'> | null = null;
  #header: ContentHeader | null = null;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** A method has come and its content has not. */
  get isWaiting(): boolean {
    return this.#method !== null;
  }

  begin(method: MethodFields<'basic.publish'>): void {
    this.#method = method;
  }

  /** Takes a header or body frame. Returns the content once it is complete. */
  take({ type, payload }: Frame): Content | AmqpError | null {
    if (this.#method === null || (type === FRAME_TYPES.header) !== (this.#header === null)) {
      const found = type === FRAME_TYPES.header ? 'a content header' : 'a content body';
      return amqpError('unexpected-frame', `${found} came where it has no place`, PUBLISH);
    }
    if (this.#header === null) {
      const header = this.#readHeader(payload);
      if (isAmqpError(header)) return header;
      this.#header = header;
    } else {
      this.#bytes += payload.length;
      if (this.#bytes > this.#header.bodyBytes) {
        return amqpError('frame-error', 'the body is longer than its header says', PUBLISH);
      }
      this.#pieces.push(payload);
    }
    return this.#bytes === this.#header.bodyBytes ? this.#complete() : null;
  }

  #readHeader(payload: Uint8Array): ContentHeader | AmqpError {
    const header = decodeContentHeader(payload);
    if (isAmqpError(header)) return header;
    if (header.classId !== PUBLISH.classId) {
      return amqpError('unexpected-frame', `a content header of class ${header.classId}`, PUBLISH);
    }
    if (header.bodyBytes <= this.#bodyBytesMax) return header;
    const reason = `message size ${header.bodyBytes} is larger than the maximum ${this.#bodyBytesMax}`;
    return amqpError('precondition-failed', reason, PUBLISH);
  }

  #complete(): Content {
    const content = { method: this.#method!, header: this.#header!, body: joined(this.#pieces, this.#bytes) };
    this.#method = null;
    this.#header = null;
    this.#pieces = [];
    this.#bytes = 0;
    return content;
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
