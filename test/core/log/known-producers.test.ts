import { expect, it } from 'vitest';
import { producersAfter } from '../../../core/log/known-producers.ts';
import type { ExchangeProducer, Producer } from '../../../core/log/producer-state.ts';

const producer = (id: number, more: Partial<Producer> = {}): Producer => ({
  id,
  epoch: 0,
  batches: [],
  transactionStart: null,
  lastMs: 1_000,
  ...more,
});

it('tells of producers by id, page by page', () => {
  const known = [30, 4, 200].map((id) => producer(id));
  const page = (after: number): unknown => {
    const { producers, next } = producersAfter(known, after, 2);
    return [producers.map(({ id }) => id), next];
  };
  expect(page(-1)).toEqual([[4, 30], 30]);
  expect(page(30)).toEqual([[200], null]);
  expect(page(200)).toEqual([[], null]);
});

it('tells the sequence of the last record, also where sequences begin again', () => {
  const batch = { baseOffset: 0, maxTimestamp: 0 };
  const batches = [
    { ...batch, sequence: 5, lastOffsetDelta: 0 },
    { ...batch, sequence: 2 ** 31 - 2, lastOffsetDelta: 3 },
  ];
  const { producers } = producersAfter([producer(1, { batches, transactionStart: 9 }), producer(2)], -1, 10);
  expect(producers).toEqual([
    { id: 1, epoch: 0, lastSequence: 1, lastMs: 1_000, transactionStart: 9 },
    { id: 2, epoch: 0, lastSequence: null, lastMs: 1_000, transactionStart: null },
  ]);
});

it('leaves out those that publish through exchanges', () => {
  const other: ExchangeProducer = { id: 1, exchange: 'e', epoch: 0, parts: [], floor: 0, lastMs: 0 };
  expect(producersAfter([other], -1, 10)).toEqual({ producers: [], next: null });
});
