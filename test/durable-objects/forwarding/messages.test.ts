/** Messages on their way: when their bytes pass through, and when they are encoded again. */

import { describe, expect, it } from 'vitest';
import { batchesOf, messagesIn } from '../../../durable-objects/forwarding/messages.ts';
import {
  encodeBatch,
  recordsIn,
  recordSizeUpperBound,
  splitBatches,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';

const recordOf = (text: string): LogRecord => ({
  offset: 0,
  timestamp: 7,
  key: new TextEncoder().encode(text),
  value: new TextEncoder().encode(text),
  headers: [{ key: 'h', value: null }],
});
const DATA = encodeBatch(['a', 'b', 'c'].map(recordOf));
const textsIn = (bytes: Uint8Array): string[] =>
  recordsIn(bytes).map(({ value }) => new TextDecoder().decode(value!));

describe('messages of a row', () => {
  it('pass through as they were stored if all go to one place', () => {
    expect(batchesOf(messagesIn(DATA), [0, 1, 2], Infinity)).toBe(DATA);
  });

  it('are encoded again if some go elsewhere, with all that they had', () => {
    const bytes = batchesOf(messagesIn(DATA), [0, 2], Infinity);
    expect(recordsIn(bytes)).toEqual([recordOf('a'), { ...recordOf('c'), offset: 1 }]);
  });

  it('are split if the target takes smaller batches; one that is too large has a batch of its own', () => {
    const bytes = batchesOf(messagesIn(DATA), [0, 1, 2], recordSizeUpperBound(recordOf('a')));
    expect(splitBatches(bytes)).toHaveLength(3);
    expect(textsIn(bytes)).toEqual(['a', 'b', 'c']);
  });

  it('pass through if a change changes none of them', () => {
    expect(
      batchesOf(
        messagesIn(DATA, (record) => record),
        [0, 1, 2],
        Infinity,
      ),
    ).toBe(DATA);
    const changed = messagesIn(DATA, (record) => ({ ...record, key: null }));
    expect(recordsIn(batchesOf(changed, [0, 1, 2], Infinity)).map(({ key }) => key)).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('of a damaged row go on as ordinary messages', () => {
    const damaged = DATA.slice();
    damaged[damaged.length - 1]! ^= 1;
    const { records, bytes } = messagesIn(damaged);
    expect([records.length, bytes]).toEqual([3, null]);
    expect(records.flatMap(({ headers }) => headers)).toEqual([]);
    expect(recordsIn(batchesOf({ records, bytes }, [0, 1, 2], Infinity))).toHaveLength(3);
  });
});
