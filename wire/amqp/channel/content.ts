/**
 * Content assembly: joins the method, the header and the body frames of a published message. It takes no more memory than the bytes that
 * have come, however small the frames are and however long the header says the body is.
 */

import { decodeContentHeader, FRAME_TYPES, type ContentHeader, type Frame } from '../codec/frames.ts';
import { METHODS, type MethodFields } from '../codec/methods.ts';
import { amqpError, isAmqpError, type AmqpError } from '../reply-codes.ts';

export interface Content {
  method: MethodFields<'basic.publish'>;
  header: ContentHeader;
  body: Uint8Array;
}

const EMPTY = new Uint8Array();

const PUBLISH = METHODS['basic.publish'];

export class ContentAssembly {
  readonly #bodyBytesMax: number;
  readonly #gather: (bytes: number) => boolean;
  #method: MethodFields<'basic.publish'> | null = null;
  #header: ContentHeader | null = null;
  /** Its first `#bytes` bytes are filled. */
  #body: Uint8Array = EMPTY;
  #bytes = 0;

  /** @param gather counts bytes of a body that is not complete. False: they are too many */
  constructor(bodyBytesMax: number, gather: (bytes: number) => boolean) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#gather = gather;
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
      const length = this.#bytes + payload.length;
      if (length > this.#header.bodyBytes) {
        return amqpError('frame-error', 'the body is longer than its header says', PUBLISH);
      }
      // Most bodies have one frame, and need no copy.
      if (this.#bytes === 0 && length === this.#header.bodyBytes) this.#body = payload;
      else if (!this.#append(payload)) {
        return amqpError('resource-error', 'too many bytes of bodies that are not complete', PUBLISH);
      }
      this.#bytes = length;
    }
    return this.#bytes === this.#header.bodyBytes ? this.#complete() : null;
  }

  /** Forgets a body that will not be complete. */
  drop(): void {
    if (this.#isGathering) this.#gather(-this.#bytes);
    this.#method = null;
    this.#header = null;
    this.#body = EMPTY;
    this.#bytes = 0;
  }

  get #isGathering(): boolean {
    return this.#bytes > 0 && this.#header !== null && this.#bytes < this.#header.bodyBytes;
  }

  #append(payload: Uint8Array): boolean {
    const bodyBytes = this.#header!.bodyBytes;
    const length = this.#bytes + payload.length;
    if (!this.#gather(length === bodyBytes ? -this.#bytes : payload.length)) return false;
    if (length > this.#body.length) {
      const body = new Uint8Array(Math.min(Math.max(length, 2 * this.#body.length), bodyBytes));
      body.set(this.#body.subarray(0, this.#bytes));
      this.#body = body;
    }
    this.#body.set(payload, this.#bytes);
    return true;
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
    const content = { method: this.#method!, header: this.#header!, body: this.#body };
    this.drop();
    return content;
  }
}
