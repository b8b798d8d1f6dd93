import { describe, expect, it } from 'vitest';
import {
  decodeControlRecord,
  encodeControlRecord,
  encodeEndTransactionBatch,
  verifyBatch,
} from '../../../protocol/record-batch/index.ts';
import { decode, ok } from './support/helpers.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('end-transaction markers', () => {
  it.each(['abort', 'commit'] as const)('%s survives a batch', (type) => {
    for (const coordinatorEpoch of [-1, 0, 1, 0x7fff_ffff]) {
      const batch = encodeEndTransactionBatch(
        { type, coordinatorEpoch },
        { producerId: 42, producerEpoch: 3, timestamp: 1000, baseOffset: 9 },
      );
      expect(ok(verifyBatch(batch, 0))).toMatchObject({
        isControl: true,
        isTransactional: true,
        producerId: 42,
        producerEpoch: 3,
        baseSequence: -1,
        baseOffset: 9,
        recordCount: 1,
      });
      expect(decodeControlRecord(decode(batch)[0]!)).toEqual({ type, coordinatorEpoch });
    }
  });

  it('has the bytes of the Kafka documentation', () => {
    expect(encodeControlRecord({ type: 'commit', coordinatorEpoch: 7 }, 5)).toEqual({
      key: bytes(0, 0, 0, 1),
      value: bytes(0, 0, 0, 0, 0, 7),
      timestamp: 5,
    });
  });

  it.each<[string, Uint8Array | null, Uint8Array | null, unknown]>([
    [
      'a later version with more fields',
      bytes(0, 1, 0, 1, 9),
      bytes(0, 1, 0, 0, 0, 2, 9),
      { type: 'commit', coordinatorEpoch: 2 },
    ],
    ['a leader change', bytes(0, 0, 0, 2), bytes(0, 0, 0, 0, 0, 0), null],
    ['a null key', null, bytes(0, 0, 0, 0, 0, 0), null],
    ['a null value', bytes(0, 0, 0, 1), null, null],
    ['a short key', bytes(0, 0, 0), bytes(0, 0, 0, 0, 0, 0), null],
    ['a short value', bytes(0, 0, 0, 1), bytes(0, 0, 0, 0, 0), null],
    ['a negative version', bytes(0xff, 0xff, 0, 1), bytes(0, 0, 0, 0, 0, 0), null],
  ])('reads %s', (_, key, value, marker) => {
    expect(decodeControlRecord({ key, value })).toEqual(marker);
  });
});
