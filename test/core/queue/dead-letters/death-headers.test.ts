/** Whatever stands in the broker's own headers, a message with them can be read, retried, buried, replayed and given back. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { matcherOf } from '../../../../core/queue/dead-letters/dead-letter-filter.ts';
import {
  deathRecord,
  detailsOf,
  headersOfBroker,
  originalRecord,
  replayedRecord,
  retriedRecord,
} from '../../../../core/queue/dead-letters/dead-letter-record.ts';
import { deathOf, historyOf, hopsOf } from '../../../../core/queue/dead-letters/death-headers.ts';
import { readMetadata } from '../../../../core/queue/state/message-metadata.ts';
import { shareDeadLetter } from '../../../../core/share/dead-letter.ts';
import {
  deadLetterDetailsShape,
  type DeathEntry,
  type StoredDeath,
} from '../../../../protocol/schemas/dead-letters.ts';
import {
  ATTEMPTS_HEADER,
  DEATH_HEADER,
  DEATH_QUEUE_HEADER,
  DEATH_REASON_HEADER,
  DEATHS_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  HOPS_HEADER,
  textHeader,
} from '../../../../protocol/schemas/messages.ts';
import { encodeBatch, type LogRecord, type RecordHeader } from '../../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../../support/batches.ts';

const HEADERS = [
  ATTEMPTS_HEADER,
  DEATH_HEADER,
  DEATH_QUEUE_HEADER,
  DEATH_REASON_HEADER,
  DEATHS_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  HOPS_HEADER,
];
const details = z.object(deadLetterDetailsShape);

const DEATH: StoredDeath = {
  original_queue: 'orders',
  at: 5_000,
  published: 1_000,
  retries: 2,
  first: 2_000,
  last: 4_000,
  error: { type: 'Error', message: 'no', stack_trace: 'at' },
  consumer: 'worker',
  left: [[':expiration-ms', '60']],
};
const ENTRY: DeathEntry = { queue: 'orders', reason: 'rejected', count: 1, first: 5_000, last: 5_000 };

function recordWith(headers: readonly RecordHeader[]): LogRecord {
  return { offset: 0, timestamp: 1_000, key: null, value: bytesOf('1'), headers: [...headers] };
}

/** What is right but for one member. */
const nearly = (whole: object): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...Object.keys(whole)), fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 1e300, 1e16)))
    .map(([name, value]) => JSON.stringify({ ...whole, [name]: value }));

const hostileValue: fc.Arbitrary<Uint8Array | null> = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 20 }),
  fc.json().map(bytesOf),
  fc.constantFrom('', '{', '[', 'null', '[null]', '-1', 'NaN', '1e999', '9'.repeat(400), '2.5').map(bytesOf),
  nearly(DEATH).map(bytesOf),
  nearly(ENTRY).map((entry) => bytesOf(`[${entry}]`)),
  nearly({ first: 1, last: 2, error: {}, consumer: 'worker' }).map(bytesOf),
);
const hostileHeaders = fc.array(fc.record({ key: fc.constantFrom(...HEADERS), value: hostileValue }), {
  maxLength: 6,
});

function expectUsable(record: LogRecord): void {
  expect(details.safeParse(detailsOf(record)).error).toBeUndefined();
  const metadata = readMetadata(record);
  expect(
    [metadata.deliveriesBefore, metadata.failuresBefore].every((count) => Number.isSafeInteger(count)),
  ).toBe(true);
  expect(encodeBatch([record]).length).toBeGreaterThan(0);
}

describe('headers of a dead letter', () => {
  it('that are right are read as they are', () => {
    const record = recordWith([
      textHeader(DEATH_HEADER, JSON.stringify(DEATH)),
      textHeader(DEATHS_HEADER, JSON.stringify([ENTRY])),
      textHeader(HOPS_HEADER, '3'),
    ]);
    expect(deathOf(record)).toEqual(DEATH);
    expect(historyOf(record)).toEqual([ENTRY]);
    expect(hopsOf(record)).toBe(3);
  });

  it('that are anything else break nothing', () => {
    fc.assert(
      fc.property(hostileHeaders, (headers) => {
        const record = recordWith(headers);
        const attempts = { deliveries: 1, failures: 1, firstMs: 1, lastMs: 2 };
        expectUsable(record);
        const buried = deathRecord(record, 'rejected', 'orders', 9_000, { attempts });
        expect(deathOf(buried), 'what the broker writes itself is right again').not.toBeNull();
        expect(historyOf(buried)[0]).toMatchObject({ queue: 'orders', reason: 'rejected' });
        for (const after of [
          buried,
          retriedRecord(record, { attempts }),
          replayedRecord(record, 'orders', 9_000),
          originalRecord(record),
          { ...record, headers: headersOfBroker(record) },
        ]) {
          expectUsable(after);
        }
        const place = { group: 'group', topic: 'topic', partition: 0 };
        const shared = shareDeadLetter(
          record,
          { start: 0, end: 1, reason: 'rejected', deliveries: 1 },
          place,
          9_000,
        );
        if (shared) expectUsable(shared);
        for (const filter of [
          {},
          { reason: 'rejected' as const },
          { error_type: 'Error' },
          { from: '2026-01-01T00:00:00Z' },
          { original_queue: 'orders', routing_key: 'a' },
        ]) {
          expect(typeof matcherOf(filter)(record)).toBe('boolean');
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
