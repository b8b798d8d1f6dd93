import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  exchangeProducerId,
  isExchangeBatch,
  packExchangeBatches,
  partOfExchangeBatch,
  readExchangeBatch,
} from '../../../core/log/exchange-batch.ts';
import { EXCHANGE_HEADER } from '../../../protocol/headers/message-headers.ts';
import { readBatchHeader, type BatchHeader } from '../../../protocol/record-batch/index.ts';
import { textHeader } from '../../../protocol/schemas/messages.ts';
import { bytesOf } from '../../support/batches.ts';

const record = {
  key: null,
  value: bytesOf('v'),
  timestamp: 1_000,
  headers: [textHeader(EXCHANGE_HEADER, 'orders')],
};
const identity = { id: 7, epoch: 3 };
const pack = (sequences: readonly number[], bytesMax = Infinity): Uint8Array[] =>
  packExchangeBatches(
    sequences.map(() => record),
    sequences,
    identity,
    bytesMax,
  );
const headerOf = (bytes: Uint8Array): BatchHeader => readBatchHeader(bytes, 0) as BatchHeader;
const sequencesIn = (batches: readonly Uint8Array[]): number[] =>
  batches.flatMap((bytes) => readExchangeBatch(bytes, 0, headerOf(bytes))!.sequences);

describe('a batch of an exchange', () => {
  it('tells the sequences of its records, whatever lies between them', () => {
    const gaps = fc.array(fc.oneof(fc.nat(3), fc.integer({ min: 250, max: 260 }), fc.nat(100_000)), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.nat(1_000), gaps, (first, between) => {
        let next = first;
        const sequences = between.map((gap) => (next += gap + 1));
        expect(sequencesIn(pack(sequences))).toEqual(sequences);
        expect(sequencesIn(pack(sequences, 200)), 'also in small batches').toEqual(sequences);
      }),
    );
  });

  it.each([
    [[0, 1, 2], 1, 'they follow each other'],
    [[0, 256], 1, '255 lie between'],
    [[0, 257], 2, '256 do: another batch'],
  ])('of %j is %i batches: %s', (sequences, count) => expect(pack(sequences)).toHaveLength(count));

  it('names its producer, apart from those that produce to the partition themselves, and the exchange', () => {
    const [bytes] = pack([5]);
    const header = headerOf(bytes!);
    expect([isExchangeBatch(header), isExchangeBatch({ producerId: 7 })]).toEqual([true, false]);
    expect([exchangeProducerId(header), header.producerEpoch, header.baseSequence]).toEqual([7, 3, 5]);
    expect(readExchangeBatch(bytes!, 0, header)!.exchange).toBe('orders');
  });

  it('can be stored in part', () => {
    const [bytes] = pack([5, 7, 9]);
    expect(sequencesIn(partOfExchangeBatch(bytes!, 0, headerOf(bytes!), [0, 2]))).toEqual([5, 9]);
  });

  it('that is broken tells nothing', () => {
    const [bytes] = pack([5]);
    expect(readExchangeBatch(bytes!, 0, { ...headerOf(bytes!), recordCount: 3 })).toBeNull();
  });
});
