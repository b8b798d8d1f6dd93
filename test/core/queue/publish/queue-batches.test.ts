/** Batches that are published straight to a queue: what is refused, before anything is opened that need not be, and what is stored. */

import { describe, expect, it } from 'vitest';
import { checkQueueBatches, type QueueBatches } from '../../../../core/queue/publish/queue-batches.ts';
import { failure, isFailure, type Failure } from '../../../../protocol/errors.ts';
import type { TraceContext } from '../../../../protocol/headers/trace-context.ts';
import { BATCH_BYTES_MAX, REQUEST_RECORDS_MAX } from '../../../../protocol/limits.ts';
import {
  encodeBatch,
  isBatchFailure,
  openBatch,
  orThrow,
  readBatchHeader,
  recordsIn,
  setProducer,
  verifyBatch,
} from '../../../../protocol/record-batch/index.ts';
import { batchOf, bytesOf } from '../../../support/batches.ts';

const NOW_MS = 5_000;

/** Opens what is asked for, as the router does without compression. */
function checked(
  bytes: Uint8Array,
  delivery?: 'exactly-once',
  trace: TraceContext | null = null,
): { result: QueueBatches | Failure; opened: number } {
  const checks = checkQueueBatches(bytes, delivery, trace, NOW_MS);
  let opened = 0;
  let step = checks.next(null as never);
  while (step.done !== true) {
    opened++;
    const { at, header } = step.value;
    const problem = verifyBatch(bytes, at);
    step = checks.next(isBatchFailure(problem) ? problem : openBatch(bytes, at, header));
  }
  return { result: step.value, opened };
}

const codeOf = (bytes: Uint8Array, delivery?: 'exactly-once'): unknown => {
  const { result } = checked(bytes, delivery);
  return isFailure(result) ? result.code : result;
};

const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => [...part]));

/** Of a producer that has sent `sequence` messages before. */
function ofProducer(bytes: Uint8Array, sequence: number, id = 7, epoch = 1): Uint8Array {
  setProducer(bytes, 0, { id, epoch, sequence });
  return bytes;
}

const two = (): Uint8Array => batchOf([{ value: 'a' }, { value: 'b' }]);

describe('the batches of a publish', () => {
  it('are stored with the time at which they came', () => {
    const { result, opened } = checked(joined(two(), two()));
    const { bytes, count, producer } = result as QueueBatches;
    expect([count, producer, opened]).toEqual([4, undefined, 2]);
    const records = orThrow(recordsIn(bytes));
    expect(records.map(({ timestamp }) => timestamp)).toEqual(Array(4).fill(NOW_MS));
  });

  it('are one publish of their producer', () => {
    const { result } = checked(joined(ofProducer(two(), 4), ofProducer(two(), 6)), 'exactly-once');
    expect(result).toMatchObject({ count: 4, producer: { id: 7, epoch: 1, sequence: 4 } });
  });

  it('get the context of the request where messages have none', () => {
    const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: null };
    const { result } = checked(two(), undefined, trace);
    const [first] = orThrow(recordsIn((result as QueueBatches).bytes));
    expect(first!.headers).toEqual([{ key: 'traceparent', value: bytesOf(trace.traceparent) }]);
  });

  it.each<[string, Uint8Array, string, 'exactly-once'?]>([
    ['nothing', new Uint8Array(), 'truncated_batch'],
    ['half a batch', two().subarray(0, 30), 'truncated_batch'],
    ['a level without a producer', two(), 'invalid_field', 'exactly-once'],
    ['sequences with a gap', joined(ofProducer(two(), 4), ofProducer(two(), 7)), 'invalid_batch'],
    ['two producers', joined(ofProducer(two(), 0), ofProducer(two(), 2, 8)), 'invalid_batch'],
    ['a negative epoch', ofProducer(two(), 0, 7, -1), 'invalid_batch'],
    ['a negative sequence', ofProducer(two(), -1), 'invalid_batch'],
    ['a wrong property', encodeBatch([withHeader(':nothing')]), 'invalid_message'],
  ])('are refused with %s', (_, bytes, code, delivery) => {
    expect(codeOf(bytes, delivery)).toBe(code);
  });

  it('are not opened where their heads say enough', () => {
    const many = batchOf(Array.from({ length: REQUEST_RECORDS_MAX + 1 }, () => ({})));
    const large = batchOf(Array.from({ length: 20 }, () => ({ value: 'x'.repeat(100_000) })));
    expect(readBatchHeader(large, 0)).toMatchObject({ recordCount: 20 });
    expect(large.length).toBeGreaterThan(BATCH_BYTES_MAX);
    for (const [bytes, code] of [
      [many, 'too_many_records'],
      [large, 'batch_too_large'],
    ] as const) {
      const { result, opened } = checked(bytes);
      expect([isFailure(result) && result.code, opened]).toEqual([code, 0]);
    }
  });

  it('are refused for the reason that they cannot be opened for', () => {
    const checks = checkQueueBatches(joined(two(), two()), undefined, null, NOW_MS);
    checks.next(null as never);
    const { value, done } = checks.next(failure('request_too_large', 'a text'));
    expect([done, value]).toMatchObject([true, { code: 'request_too_large', details: { batch: 0 } }]);
  });
});

function withHeader(key: string): Parameters<typeof encodeBatch>[0][number] {
  return { key: null, value: bytesOf('x'), timestamp: 0, headers: [{ key, value: bytesOf('1') }] };
}
