import { expect, it } from 'vitest';
import { decodeFetchFrame, encodeFetchFrame } from '../../../core/log/fetch-frame.ts';

it('a fetch frame survives being written and read', () => {
  const frame = {
    startOffset: 5,
    nextOffset: 2 ** 40,
    highWatermark: 2 ** 41,
    logStartOffset: 1,
    lastStableOffset: 2 ** 40 + 1,
    batches: new Uint8Array([1, 2, 3]),
  };
  expect(decodeFetchFrame(encodeFetchFrame(frame))).toEqual(frame);
  const within = new Uint8Array([9, ...encodeFetchFrame(frame)]).subarray(1);
  expect(decodeFetchFrame(within)).toEqual(frame);
});
