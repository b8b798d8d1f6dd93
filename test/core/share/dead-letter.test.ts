import { describe, expect, it } from 'vitest';
import { detailsOf } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import { forQueue, shareDeadLetter } from '../../../core/share/dead-letter.ts';
import { BROKER_HOPS_MAX, ORDERING_KEY_BYTES_MAX } from '../../../protocol/limits.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { HOPS_HEADER, PROPERTY_HEADERS, textHeader } from '../../../protocol/schemas/messages.ts';
import { bytesOf, textOf } from '../../support/batches.ts';

const record = (headers: LogRecord['headers'] = []): LogRecord => ({
  offset: 42,
  timestamp: 1_000,
  key: bytesOf('k'),
  value: bytesOf('v'),
  headers,
});
const archived = { start: 42, end: 43, reason: 'rejected' as const, deliveries: 2 };
const origin = { group: 'g', topic: 'orders', partition: 3 };
const bury = (of: LogRecord) => shareDeadLetter(of, archived, origin, 9_000);
const valueOf = ({ headers }: LogRecord, name: string): string | null =>
  textOf(headers.find(({ key }) => key === name)?.value ?? null);

describe('the dead letter of a record', () => {
  it('says where the record lies, and how it died', () => {
    const dead = bury(record([textHeader('trace', 'abc')]))!;
    const places = ['dead-letter-topic', 'dead-letter-partition', 'dead-letter-offset', 'trace'];
    expect(places.map((name) => valueOf(dead, name))).toEqual(['orders', '3', '42', 'abc']);
    expect(detailsOf(dead).metadata).toMatchObject({
      reason: 'rejected',
      original_queue: 'g',
      retry_count: 1,
      hops: 1,
    });
  });

  it('takes nothing over that only the broker says, but the count of hops', () => {
    const dead = bury(record([textHeader(PROPERTY_HEADERS.priority, '9'), textHeader(HOPS_HEADER, '2')]))!;
    expect(valueOf(dead, PROPERTY_HEADERS.priority)).toBeNull();
    expect(detailsOf(dead).metadata.hops).toBe(3);
  });

  it('is none where the record must be going round in circles', () => {
    const hops = (count: number) => bury(record([textHeader(HOPS_HEADER, String(count))]));
    expect([hops(BROKER_HOPS_MAX - 1) === null, hops(BROKER_HOPS_MAX) === null]).toEqual([false, true]);
  });

  it('keeps a key that is too long for a queue as a header', () => {
    const key = bytesOf('k'.repeat(ORDERING_KEY_BYTES_MAX));
    const long = bytesOf('k'.repeat(ORDERING_KEY_BYTES_MAX + 1));
    expect(forQueue({ ...record(), key }).key).toBe(key);
    expect(forQueue({ ...record(), key: null }).key).toBeNull();
    expect(forQueue({ ...record(), key: long })).toMatchObject({
      key: null,
      headers: [{ key: 'dead-letter-key', value: long }],
    });
  });
});
