/**
 * Frames of the WebSocket protocol (RFC 6455, 5.2), as a client reads and writes them.
 *
 *   frame = 1 bit final, 3 bits 0, 4 bits opcode, 1 bit masked, 7 bits length
 *           (126: uint16 length follows; 127: uint64), 4 bytes mask if masked, payload
 *
 * A client masks all that it sends, a server nothing.
 */

import { concatenate } from '../../../protocol/bytes.ts';

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  opcode: number;
  isFinal: boolean;
  payload: Uint8Array;
}

const FINAL = 0x80;
const MASKED = 0x80;
const KNOWN_OPCODES = new Set<number>(Object.values(OPCODES));

/** Control frames are whole and short (5.5). */
const CONTROL_BYTES_MAX = 125;

/** Masks, which nobody can foretell (5.3): the system is asked for many at once, which takes no longer than to ask for one. */
const masks = new Uint8Array(1_024);
/** Where the next one is. */
let masksAt = masks.length;

export function encodeFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 0x10000 ? 2 : 8;
  const maskAt = 2 + lengthBytes;
  const bytes = new Uint8Array(maskAt + 4 + length);
  bytes[0] = FINAL | opcode;
  bytes[1] = MASKED | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes > 0) {
    const view = new DataView(bytes.buffer);
    if (lengthBytes === 2) view.setUint16(2, length);
    else view.setBigUint64(2, BigInt(length));
  }
  if (masksAt === masks.length) crypto.getRandomValues(masks);
  masksAt %= masks.length;
  const mask = masks.subarray(masksAt, (masksAt += 4));
  bytes.set(mask, maskAt);
  for (let i = 0, at = maskAt + 4; i < length; i++, at++) bytes[at] = payload[i]! ^ mask[i & 3]!;
  return bytes;
}

/** Reads what a server sends, in whatever pieces it comes. */
export class FrameReader {
  readonly #payloadBytesMax: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** So many bytes have to be there before it is worth to look. */
  #needed = 2;

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** Returns the frames that are whole now. Throws for what no server may send. */
  read(given: Uint8Array): Frame[] {
    // Pieces of a `Buffer` cost more than those of a plain array.
    const chunk = new Uint8Array(given.buffer, given.byteOffset, given.length);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    if (this.#bytes < this.#needed) return frames;
    let rest = concatenate(this.#chunks);
    for (let frame = this.#next(rest); frame !== null; frame = this.#next(rest)) {
      frames.push(frame);
      rest = rest.subarray(this.#needed);
      this.#needed = 2;
    }
    // Most chunks are whole frames: a rest of nothing would have the next chunk copied.
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    return frames;
  }

  /** The first frame, of `needed` bytes; null if it is not whole. */
  #next(bytes: Uint8Array): Frame | null {
    this.#needed = 2;
    if (bytes.length < this.#needed) return null;
    const [first, second] = bytes as unknown as [number, number];
    const opcode = first & 0x0f;
    const isFinal = (first & FINAL) !== 0;
    const isControl = opcode >= OPCODES.close;
    if ((first & 0x70) !== 0 || !KNOWN_OPCODES.has(opcode)) throw new Error(`a frame begins with ${first}`);
    if ((second & MASKED) !== 0) throw new Error('a frame of the server is masked');
    let length = second;
    if (isControl && (!isFinal || length > CONTROL_BYTES_MAX)) throw new Error('a control frame is too long');
    const lengthBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
    this.#needed = 2 + lengthBytes;
    if (bytes.length < this.#needed) return null;
    if (lengthBytes === 2) length = (bytes[2]! << 8) | bytes[3]!;
    if (lengthBytes === 8) length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(2));
    if (length > this.#payloadBytesMax) throw new Error(`a frame of ${length} bytes`);
    this.#needed += length;
    if (bytes.length < this.#needed) return null;
    return { opcode, isFinal, payload: bytes.subarray(2 + lengthBytes, this.#needed) };
  }
}
