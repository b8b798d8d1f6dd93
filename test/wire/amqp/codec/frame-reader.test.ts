import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../../../wire/amqp/codec/frame-reader.ts';
import { encodeFrame, FRAME_MIN_SIZE, type Frame } from '../../../../wire/amqp/codec/frames.ts';

const frames = fc.array(
  fc.record({
    type: fc.constantFrom(1, 2, 3, 8),
    channel: fc.nat(65_535),
    payload: fc.uint8Array({ maxLength: 60 }),
  }),
  { maxLength: 12 },
);

const bytesOf = (list: Frame[]): Uint8Array =>
  new Uint8Array(list.flatMap(({ type, channel, payload }) => [...encodeFrame(type, channel, payload)]));

describe('the frame reader', () => {
  it('finds the same frames however their bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (list, cuts) => {
        const bytes = bytesOf(list);
        const reader = new FrameReader();
        const found: Frame[] = [];
        for (let at = 0, nth = 0; at < bytes.length; nth++) {
          const end = at + cuts[nth % cuts.length]!;
          const error = reader.read(bytes.slice(at, end), (frame) => found.push(frame) > 0);
          expect(error).toBeNull();
          at = end;
        }
        expect(found).toEqual(list);
      }),
    );
  });

  it('refuses a frame above the bound by its head, before its payload has come', () => {
    const head = [1, 0, 1, 0, 0, 0x0f, 0xf9];
    const take = (): boolean => true;
    expect(new FrameReader().read(new Uint8Array(head), take)).toMatchObject({ replyCode: 501 });
    const bytewise = new FrameReader();
    const errors = head.map((byte) => bytewise.read(new Uint8Array([byte]), take));
    expect(errors.slice(0, -1)).toEqual(head.slice(1).map(() => null));
    expect(errors.at(-1)).toMatchObject({ replyCode: 501 });
    const largest = encodeFrame(1, 1, new Uint8Array(FRAME_MIN_SIZE - 8));
    expect(new FrameReader().read(largest, take)).toBeNull();
  });

  it('takes larger frames once they are agreed on', () => {
    const reader = new FrameReader();
    reader.frameMax = 131_072;
    const found: Frame[] = [];
    const bytes = encodeFrame(3, 1, new Uint8Array(131_064).fill(7));
    expect(reader.read(bytes.slice(0, 70_000), (frame) => found.push(frame) > 0)).toBeNull();
    expect(reader.read(bytes.slice(70_000), (frame) => found.push(frame) > 0)).toBeNull();
    expect(found).toEqual([{ type: 3, channel: 1, payload: new Uint8Array(131_064).fill(7) }]);
  });

  it.each([1, 5, 100])('refuses a frame without its end, in pieces of %i bytes', (step) => {
    const bytes = encodeFrame(1, 1, new Uint8Array(20));
    bytes[bytes.length - 1] = 0xcd;
    const reader = new FrameReader();
    const errors = [];
    for (let at = 0; at < bytes.length; at += step) {
      errors.push(reader.read(bytes.slice(at, at + step), () => true));
    }
    expect(errors.at(-1)).toMatchObject({ replyCode: 501 });
  });

  it('drops the rest when nobody listens any more', () => {
    const list = [1, 2, 3].map((channel) => ({ type: 1, channel, payload: new Uint8Array() }));
    const reader = new FrameReader();
    const found: number[] = [];
    expect(reader.read(bytesOf(list), ({ channel }) => found.push(channel) < 2)).toBeNull();
    expect(found).toEqual([1, 2]);
  });
});
