import { describe, expect, it } from 'vitest';
import { decodeDeliveryFrame, encodeDeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';

describe('a delivery frame', () => {
  it('survives being written and read, and a cut one is refused', () => {
    const frame = {
      queueId: 2 ** 40,
      sections: [
        {
          lane: 3,
          runs: [{ start: 5, end: 9, delivery: 2, expiresAtMs: 1e12 }],
          batches: new Uint8Array([1, 2, 3]),
        },
        { lane: 0, runs: [], batches: new Uint8Array() },
      ],
    };
    const bytes = encodeDeliveryFrame(frame);
    expect(decodeDeliveryFrame(bytes)).toEqual(frame);
    for (let length = 1; length < bytes.length - 9; length++) {
      if (length === 8) continue; // a frame without sections
      expect(() => decodeDeliveryFrame(bytes.subarray(0, length)), String(length)).toThrow(RangeError);
    }
  });
});
