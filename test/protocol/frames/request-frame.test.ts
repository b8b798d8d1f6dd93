import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../protocol/errors.ts';
import { decodeRequestFrame, encodeRequestFrame } from '../../../protocol/frames/request-frame.ts';
import { anyText } from '../../support/any-text.ts';

const frame = fc.record({
  id: fc.nat(0xffff_ffff),
  topologyVersion: fc.maxSafeNat(),
  query: anyText(),
  batches: fc.uint8Array({ maxLength: 300 }),
});

const ONE = { id: 7, topologyVersion: 3, query: 'mandatory=true', batches: Uint8Array.of(1, 2, 3) };

function reasonOf(bytes: Uint8Array): string {
  const result = decodeRequestFrame(bytes);
  if (!isFailure(result)) throw new Error('it was taken');
  expect(result.code).toBe('invalid_frame');
  return `${JSON.stringify(result.details ?? {})} ${result.message}`;
}

function spoiled(change: (view: DataView) => void): Uint8Array {
  const bytes = encodeRequestFrame(ONE);
  change(new DataView(bytes.buffer));
  return bytes;
}

describe('a request frame', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(frame, (one) => {
        expect(decodeRequestFrame(encodeRequestFrame(one))).toEqual(one);
      }),
    );
  });

  it('is read from the middle of a buffer', () => {
    const bytes = encodeRequestFrame(ONE);
    const inside = new Uint8Array(bytes.length + 10);
    inside.set(bytes, 5);
    expect(decodeRequestFrame(inside.subarray(5, 5 + bytes.length))).toEqual(ONE);
  });

  it('is refused with its id if it is cut before its batches begin, and without if the id is not whole', () => {
    const bytes = encodeRequestFrame(ONE);
    const batchesAt = bytes.length - ONE.batches.length;
    for (let length = 0; length < batchesAt; length++) {
      const reason = reasonOf(bytes.subarray(0, length));
      if (length < 5) expect(reason).toBe('{} a request begins with 0x83 and an id of four bytes');
      else expect(reason).toMatch(/^\{"id":7\} the frame ends inside its (head|query)$/);
    }
  });

  it.each<[string, (view: DataView) => void, string]>([
    ['another first byte', (view) => view.setUint8(0, 0x81), '{} a request begins with 0x83'],
    ['half a version', (view) => view.setFloat64(5, 1.5), '{"id":7} the topology version'],
    ['a version below 0', (view) => view.setFloat64(5, -1), '{"id":7} the topology version'],
    ['a version that is no number', (view) => view.setFloat64(5, NaN), '{"id":7} the topology version'],
    ['a query that is longer than the frame', (view) => view.setUint16(13, 999), '{"id":7} the frame ends'],
    ['a query that is not UTF-8', (view) => view.setUint8(16, 0xff), '{"id":7} the query is not UTF-8'],
  ])('is refused with %s', (_, change, reason) => {
    expect(reasonOf(spoiled(change))).toContain(reason);
  });

  it('is never taken for something else, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        const read = decodeRequestFrame(Uint8Array.of(0x83, ...noise));
        if (!isFailure(read)) expect(encodeRequestFrame(read)).toEqual(Uint8Array.of(0x83, ...noise));
      }),
    );
  });

  it('has no query above 65,535 bytes', () => {
    expect(() => encodeRequestFrame({ ...ONE, query: 'x'.repeat(65_536) })).toThrow(RangeError);
  });
});
