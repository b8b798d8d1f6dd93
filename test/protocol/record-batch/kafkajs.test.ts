/** The same batches through kafkajs's codec, an implementation independent of ours and of Kafka's own, both ways. */

import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeBatch,
  gzipBatch,
  retainRecords,
  setBaseOffset,
  stampAppendTime,
  verifyBatch,
  type LogRecord,
  type RecordInput,
} from '../../../protocol/record-batch/index.ts';
import { options, records } from './support/arbitraries.ts';
import { decode, deflate, expected, headerOf, inflate, ok, plain } from './support/helpers.ts';

type Headers = Record<string, Buffer | null | (Buffer | null)[]>;

interface TheirBatch {
  firstOffset: string;
  lastOffsetDelta: number;
  maxTimestamp: string;
  producerId: string;
  producerEpoch: number;
  firstSequence: number;
  inTransaction: boolean;
  isControlBatch: boolean;
  records: {
    offset: string;
    timestamp: string;
    key: Buffer | null;
    value: Buffer | null;
    headers: Headers;
  }[];
}

const require = createRequire(import.meta.url);
const from = (path: string): unknown => require(`kafkajs/src/${path}`);
const Decoder = from('protocol/decoder') as new (bytes: Buffer) => unknown;
const decodeTheirs = from('protocol/recordBatch/v0/decoder') as (decoder: unknown) => Promise<TheirBatch>;
const encodeRecord = from('protocol/recordBatch/record/v0') as (record: object) => unknown;
const { RecordBatch } = from('protocol/recordBatch/v0') as {
  RecordBatch: (batch: object) => Promise<{ buffer: Buffer }>;
};
const Long = from('utils/long') as { fromNumber(value: number): unknown };

/** kafkajs gathers headers by name: the order between names is lost, that of the values of one name kept. */
function gathered(headers: LogRecord['headers']): Record<string, (string | null)[]> {
  const byName: Record<string, (string | null)[]> = Object.create(null) as Record<string, (string | null)[]>;
  for (const { key, value } of headers) (byName[key] ??= []).push(hex(value));
  return { ...byName };
}

const hex = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('hex');

const ours = (record: LogRecord) => ({
  offset: String(record.offset),
  timestamp: String(record.timestamp),
  key: hex(record.key),
  value: hex(record.value),
  headers: gathered(record.headers),
});

const theirs = (record: TheirBatch['records'][number]) => ({
  offset: record.offset,
  timestamp: record.timestamp,
  key: hex(record.key),
  value: hex(record.value),
  headers: Object.fromEntries(
    Object.entries(record.headers).map(([key, value]) => [
      key,
      (Array.isArray(value) ? value : [value]).map(hex),
    ]),
  ),
});

async function expectTheySee(batch: Uint8Array, should: readonly LogRecord[]): Promise<void> {
  const read = await decodeTheirs(new Decoder(Buffer.from(batch)));
  expect(read.records.map(theirs)).toEqual(should.map(ours));
  const header = headerOf(batch);
  expect(read).toMatchObject({
    firstOffset: String(header.baseOffset),
    lastOffsetDelta: header.lastOffsetDelta,
    maxTimestamp: String(header.maxTimestamp),
    producerId: String(header.producerId),
    producerEpoch: header.producerEpoch,
    firstSequence: header.baseSequence,
    inTransaction: header.isTransactional,
    isControlBatch: header.isControl,
  });
}

/**
 * kafkajs gathers headers in a plain object, and so cannot hold what we can: names that every object inherits (it takes
 * `toString` for a header already there), and a null among repeated names.
 */
const readable = records.map((list) =>
  list.map((record) => ({
    ...record,
    headers: (record.headers ?? []).filter(
      ({ key }, i, all) =>
        !(key in {}) &&
        (all.findIndex((other) => other.key === key) === i || all.every((header) => header.value !== null)),
    ),
  })),
);

describe('kafkajs reads what we write', () => {
  it('as encoded, moved, stamped, compacted and compressed', async () => {
    await fc.assert(
      fc.asyncProperty(readable, options, fc.nat(), fc.maxSafeNat(), async (input, opts, mask, ms) => {
        const batch = encodeBatch(input, opts);
        await expectTheySee(batch, expected(input, opts));

        setBaseOffset(batch, 0, 123_456_789_012);
        const moved = expected(input, { ...opts, baseOffset: 123_456_789_012 });
        await expectTheySee(batch, moved);
        await expectTheySee(await gzipBatch(batch), moved);

        const keep = (offset: number): boolean => ((mask >> (offset - 123_456_789_012)) & 1) === 1;
        for (const source of [batch, await gzipBatch(batch)]) {
          const kept = ok(retainRecords(source, 0, (r) => keep(r.offset), { inflate, deflate }));
          if (kept instanceof Uint8Array)
            await expectTheySee(
              kept,
              moved.filter((r) => keep(r.offset)),
            );
        }

        stampAppendTime(batch, 0, ms);
        await expectTheySee(
          batch,
          moved.map((r) => ({ ...r, timestamp: ms })),
        );
      }),
      { numRuns: 300 },
    );
  });
});

/** kafkajs writes headers from an object and knows no null values there. */
function theirRecord(record: RecordInput, offsetDelta: number, base: number): unknown {
  const headers: Record<string, Buffer[]> = {};
  for (const { key, value } of record.headers ?? []) (headers[key] ??= []).push(Buffer.from(value ?? []));
  return encodeRecord({
    offsetDelta,
    timestampDelta: Long.fromNumber(record.timestamp - base),
    key: record.key && Buffer.from(record.key),
    value: record.value && Buffer.from(record.value),
    headers,
  });
}

describe('we read what kafkajs writes', () => {
  it('plain and gzip, and encode the same bytes where headers allow', async () => {
    await fc.assert(
      fc.asyncProperty(records, options, fc.boolean(), async (generated, opts, gzip) => {
        const input: RecordInput[] = generated.map((record) => ({
          ...record,
          headers: (record.headers ?? [])
            .filter(
              ({ key }, i, all) =>
                all.findIndex((other) => other.key === key) === i && !(key in {}) && !/^\d+$/.test(key),
            )
            .map(({ key, value }) => ({ key: key.toWellFormed(), value: value ?? new Uint8Array(0) })),
        }));
        const base = input[0]!.timestamp;
        const batch = await RecordBatch({
          compression: gzip ? 1 : 0,
          firstOffset: Long.fromNumber(opts.baseOffset ?? 0),
          firstTimestamp: base,
          maxTimestamp: Math.max(...input.map((r) => r.timestamp)),
          partitionLeaderEpoch: opts.partitionLeaderEpoch ?? -1,
          lastOffsetDelta: input.length - 1,
          transactional: opts.isTransactional ?? false,
          producerId: Long.fromNumber(opts.producerId ?? -1),
          producerEpoch: opts.producerEpoch ?? -1,
          firstSequence: opts.baseSequence ?? -1,
          records: input.map((record, i) => theirRecord(record, i, base)),
        });
        const bytes = plain(batch.buffer);
        ok(verifyBatch(bytes, 0, { inflate }));
        const could = { ...opts, timestampType: 'create', isControl: false } as const;
        expect(decode(bytes)).toEqual(expected(input, could));
        if (!gzip) expect(hex(encodeBatch(input, could))).toBe(hex(bytes));
      }),
      { numRuns: 300 },
    );
  });
});
