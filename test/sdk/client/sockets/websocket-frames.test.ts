import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeFrame,
  FrameReader,
  OPCODES,
  type Frame,
} from '../../../../sdk/client/sockets/websocket-frames.ts';
import { concatenate } from '../../../../protocol/bytes.ts';

/** As a server writes it: without a mask. */
function serverFrame({ opcode, isFinal, payload }: Frame): Uint8Array {
  const masked = encodeFrame(opcode, payload);
  const headBytes = masked.length - payload.length - 4;
  const bytes = concatenate([masked.slice(0, headBytes), payload]);
  bytes[0] = (isFinal ? 0x80 : 0) | opcode;
  bytes[1]! &= 0x7f;
  return bytes;
}

function unmasked(bytes: Uint8Array, payloadBytes: number): Uint8Array {
  const maskAt = bytes.length - payloadBytes - 4;
  return bytes.subarray(maskAt + 4).map((byte, index) => byte ^ bytes[maskAt + (index % 4)]!);
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 130 }),
  fc.constantFrom(65_535, 65_536, 70_000).map((length) => new Uint8Array(length).map((_, index) => index)),
);
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    opcode: fc.constantFrom(OPCODES.text, OPCODES.binary, OPCODES.continuation),
    isFinal: fc.boolean(),
    payload,
  }),
  fc.record({
    opcode: fc.constantFrom(OPCODES.close, OPCODES.ping, OPCODES.pong),
    isFinal: fc.constant(true),
    payload: fc.uint8Array({ maxLength: 125 }),
  }),
);

describe('frames of a server', () => {
  it('are read whole, in whatever pieces they come', () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), pieces, (frames, sizes) => {
        const bytes = concatenate([new Uint8Array(), ...frames.map(serverFrame)]);
        const reader = new FrameReader(100_000);
        const read: Frame[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + sizes[turn % sizes.length]!;
          read.push(...reader.read(bytes.subarray(at, end)));
          at = end;
        }
        expect(read.map((one) => ({ ...one, payload: Buffer.from(one.payload).toString('base64') }))).toEqual(
          frames.map((one) => ({ ...one, payload: Buffer.from(one.payload).toString('base64') })),
        );
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['masked', [0x81, 0x81, 1, 2, 3, 4, 5]],
    ['with reserved bits', [0xc1, 0]],
    ['of an unknown kind', [0x83, 0]],
    ['that ask with more than 125 bytes', [0x89, 126, 0, 200]],
    ['that close in parts', [0x08, 0]],
    ['longer than may be read', [0x82, 127, 0, 0, 0, 0, 0, 2, 0, 0]],
    ['longer than anything', [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]],
  ])('%s are refused', (_, bytes) => {
    expect(() => new FrameReader(100_000).read(Uint8Array.from(bytes))).toThrow();
  });
});

it('frames of a client are masked, each by another mask', () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    const bytes = new Uint8Array(length).map((_, index) => index * 7);
    const [one, other] = [encodeFrame(OPCODES.binary, bytes), encodeFrame(OPCODES.binary, bytes)];
    expect(one[1]! & 0x80).toBe(0x80);
    expect(unmasked(one, length)).toEqual(bytes);
    expect(unmasked(other, length)).toEqual(bytes);
    if (length > 100) expect(one).not.toEqual(other);
  }
});

describe('masks of a client', () => {
  it('differ from frame to frame', () => {
    const masks = Array.from({ length: 2_000 }, () =>
      String(encodeFrame(OPCODES.text, new Uint8Array()).slice(2)),
    );
    // Of 2,000 at random two are the same in one of 2,000 runs, and three never.
    expect(new Set(masks).size).toBeGreaterThan(1_997);
  });
});
