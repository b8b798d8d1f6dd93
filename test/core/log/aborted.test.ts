/** What a reader of committed records sees, as a table. */

import { describe, expect, it } from 'vitest';
import { committedOnly, isAborted } from '../../../core/log/aborted.ts';
import {
  encodeBatch,
  encodeEndTransactionBatch,
  readBatchHeader,
  setBaseOffset,
  type BatchHeader,
} from '../../../protocol/record-batch/index.ts';
import { batchOf, bytesOf } from '../../support/batches.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

/**
 * A word a batch, from offset 0 on: `p` of no transaction, `t1` of one of producer 1, `c1` and `a1` the markers that commit
 * and abort it; `!` behind it: damaged. `aborted`: producer, first offset, marker. `seen`: offsets.
 */
const ROWS = rowsOf<'log' | 'aborted' | 'seen' | 'because'>(`
  log           | aborted | seen | because
  p p           |         | 0 1  | records of no transaction
  t1 c1         |         | 0    | what is committed, without its marker
  t1 a1         | 1:0-1   |      | what is aborted is not seen
  t1 p a1       | 1:0-2   | 1    | what lies between is
  t1 t2 a1 c2   | 1:0-2   | 1    | another producer's is
  t1 a1 t1 c1   | 1:0-1   | 2    | what comes after the marker is another transaction
  t1 c1 t1 a1   | 1:2-3   | 0    | as is what came before
  t1! a1        | 1:0-1   | 0    | damage is the reader's to see
  p t1 a1!      | 1:1-2   | 0 2  | also that of a marker
`);

function batch(word: string, offset: number): Uint8Array {
  const [, kind, digit, damage] = /^([ptca])(\d)?(!)?$/.exec(word)!;
  const producerId = Number(digit ?? -1);
  const bytes =
    kind === 'p'
      ? batchOf([{ value: 'p' }])
      : kind === 't'
        ? encodeBatch([{ key: null, value: bytesOf('t'), timestamp: 1_000 }], {
            producerId,
            producerEpoch: 0,
            baseSequence: 0,
            isTransactional: true,
          })
        : encodeEndTransactionBatch(
            { type: kind === 'c' ? 'commit' : 'abort', coordinatorEpoch: 0 },
            { producerId, producerEpoch: 0, timestamp: 1_000 },
          );
  setBaseOffset(bytes, 0, offset);
  if (damage) bytes[bytes.length - 1]! ^= 1;
  return bytes;
}

describe('a reader of committed records', () => {
  it.each(ROWS)('of $log, aborted: "$aborted", sees "$seen": $because', ({ log, aborted, seen }) => {
    const words = log.split(' ');
    const batches = words.map(batch);
    const index = aborted.split(' ').flatMap((text) => {
      const [producerId, firstOffset, lastOffset] = text.split(/[:-]/).map(Number);
      return lastOffset === undefined
        ? []
        : [{ producerId: producerId!, firstOffset: firstOffset!, lastOffset, stableOffset: 0 }];
    });
    const chunk = new Uint8Array(batches.flatMap((bytes) => [...bytes]));
    const read = committedOnly([chunk], index).flatMap((bytes) => [...bytes]);
    const wanted = seen.split(' ').flatMap((at) => (at === '' ? [] : [...batches[Number(at)]!]));
    expect(read).toEqual(wanted);
  });

  it('passes by markers, which are of no transaction themselves', () => {
    const header = readBatchHeader(batch('a1', 1), 0) as BatchHeader;
    expect(isAborted(header, [{ producerId: 1, firstOffset: 0, lastOffset: 2 }])).toBe(false);
  });
});
