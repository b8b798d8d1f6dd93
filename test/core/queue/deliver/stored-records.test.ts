import { describe, expect, it } from 'vitest';
import { recordsOf, recordsOfPieces } from '../../../../core/queue/deliver/stored-records.ts';
import { DAMAGED_HEADER } from '../../../../protocol/headers/message-headers.ts';
import { surveyBatches } from '../../../../protocol/record-batch/index.ts';
import { batchOf, textOf } from '../../../support/batches.ts';

const sound = batchOf([{ value: 'a' }, { value: 'b' }]);
/** Its checksum does not match. */
const damaged = (): Uint8Array => {
  const bytes = batchOf([{ value: 'c' }, { value: 'd' }, { value: 'e' }]);
  bytes[bytes.length - 1]! ^= 1;
  return bytes;
};
const isStandIn = ({ headers }: { headers: { key: string }[] }): boolean =>
  headers.some(({ key }) => key === DAMAGED_HEADER);

describe('the records of a row', () => {
  it('are those of its batch', () => {
    expect(recordsOf(sound).map(({ value }) => textOf(value))).toEqual(['a', 'b']);
  });

  it('have one that stands for each record of a damaged batch, the first with the bytes', () => {
    const bytes = damaged();
    const records = recordsOf(bytes);
    expect(records.map(isStandIn)).toEqual([true, true, true]);
    expect(records.map(({ value }) => value)).toEqual([bytes, null, null]);
  });

  it('have one where nobody can tell how many there were', () => {
    expect(recordsOf(new Uint8Array(80).fill(7)).map(isStandIn)).toEqual([true]);
  });
});

describe('the records of a segment', () => {
  it('have the offsets that the damaged ones had', () => {
    const bytes = damaged();
    const records = recordsOfPieces(bytes, surveyBatches(bytes, 10, 13));
    expect(records.map(({ offset }) => offset)).toEqual([10, 11, 12]);
    expect(records.every(isStandIn)).toBe(true);
  });
});
