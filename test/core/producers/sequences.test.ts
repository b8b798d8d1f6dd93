/** Which batch of a producer is taken, as a table. */

import { describe, expect, it } from 'vitest';
import {
  refusal,
  REMEMBERED_BATCHES,
  sequenceAfter,
  takenBefore,
  withTaken,
  type SequencedProducer,
} from '../../../core/producers/sequences.ts';
import { failure } from '../../../protocol/errors.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

/** `known` and `comes`: `epoch: first-last ...`, the sequences of batches; nothing is known of a producer that is not. */
const BATCHES = rowsOf<'known' | 'comes' | 'becomes' | 'because'>(`
  known                | comes    | becomes               | because
                       | 0: 0-4   | taken                 | a producer begins with 0
                       | 5: 0-4   | taken                 | in any epoch
                       | 0: 1-4   | unknown_producer      | it has been here before, and is forgotten
  1: 0-4               | 1: 5-9   | taken                 | the next one follows
  1: 0-4               | 1: 0-4   | before                | it comes again
  1: 0-4 5-9 10-14     | 1: 0-4   | before                | also when others have come since
  1: 0-4               | 1: 0-3   | out_of_order_sequence | another length is another batch
  1: 0-4               | 1: 6-9   | out_of_order_sequence | one before it is missing
  1: 0-4               | 1: 4-9   | out_of_order_sequence | it overlaps
  1: 0-4               | 2: 0-4   | taken                 | a higher epoch begins anew
  1: 0-4               | 2: 5-9   | out_of_order_sequence | with 0
  1: 0-4               | 0: 5-9   | producer_fenced       | it has been replaced
  1: 0-4               | 0: 0-4   | producer_fenced       | whatever it sends
  1:                   | 1: 0-4   | taken                 | an epoch of which nothing was taken begins with 0
  1:                   | 1: 5-9   | out_of_order_sequence | and with nothing else
  1: 2147483640-2147483647 | 1: 0-4 | taken               | sequences go on at 0 after the last
  1: 2147483640-2147483646 | 1: 2147483647-2147483647 | taken | which is this
`);

describe('a batch of a producer', () => {
  it.each(BATCHES)('$comes, known: "$known", is $becomes: $because', ({ known, comes, becomes }) => {
    const producer = producerOf(known);
    const [batch] = producerOf(comes)!.batches;
    const header = {
      producerId: 7,
      producerEpoch: producerOf(comes)!.epoch,
      baseSequence: batch!.sequence,
      lastOffsetDelta: batch!.lastOffsetDelta,
    };
    const found = takenBefore(producer, header) ? 'before' : (refusal(producer, header)?.code ?? 'taken');
    expect(found).toBe(becomes);
  });

  it('is refused for another reason before its sequence is looked at, and after its epoch', () => {
    const other = () => failure('invalid_batch', 'no');
    const header = { producerId: 7, producerEpoch: 1, baseSequence: 9, lastOffsetDelta: 0 };
    expect(refusal(producerOf('1: 0-4'), header, other)?.code).toBe('invalid_batch');
    expect(refusal(producerOf('2: 0-4'), header, other)?.code).toBe('producer_fenced');
  });

  it('is remembered with the last of its epoch', () => {
    let producer: SequencedProducer = { id: 7, epoch: 1, batches: [] };
    for (let sequence = 0; sequence < 9; sequence++)
      producer = { ...producer, batches: withTaken(producer, 1, { sequence, lastOffsetDelta: 0 }) };
    expect(producer.batches.map(({ sequence }) => sequence)).toEqual([4, 5, 6, 7, 8]);
    expect(producer.batches).toHaveLength(REMEMBERED_BATCHES);
    expect(withTaken(producer, 2, { sequence: 0, lastOffsetDelta: 0 })).toHaveLength(1);
  });

  it('is followed by the sequence after its last record', () => {
    expect([sequenceAfter(0, 5), sequenceAfter(2 ** 31 - 1, 1), sequenceAfter(2 ** 31 - 1, 3)]).toEqual([
      5, 0, 2,
    ]);
  });
});

function producerOf(text: string): SequencedProducer | undefined {
  if (text === '') return undefined;
  const [epoch, ranges = ''] = text.split(':');
  const batches = ranges.split(' ').flatMap((range) => {
    const [first, last] = range.split('-').map(Number);
    return last === undefined ? [] : [{ sequence: first!, lastOffsetDelta: last - first! }];
  });
  return { id: 7, epoch: Number(epoch), batches };
}
