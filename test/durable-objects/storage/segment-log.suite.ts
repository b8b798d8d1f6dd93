/**
 * What holds for a segment log on every SQL engine. Each case gets an empty database; it runs in plain Node and, the
 * very same code, inside a Durable Object.
 */

import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { RetentionPolicy } from '../../../core/log/retention.ts';
import { SegmentLog, type ReadResult } from '../../../durable-objects/storage/segment-log.ts';
import type { Sql } from '../../../durable-objects/storage/sql.ts';
import { isFailure } from '../../../protocol/errors.ts';
import { append, batchOf, filler, readAll, recordsOf, textOf } from '../../support/batches.ts';

const ALL = Number.MAX_SAFE_INTEGER;
const NO_RETENTION: RetentionPolicy = { retentionMs: null, retentionBytes: null };
const codec = { inflate: (bytes: Uint8Array) => gunzipSync(bytes) };

function open(sql: Sql): SegmentLog {
  SegmentLog.createTables(sql);
  return new SegmentLog(sql);
}

function rowsWrittenBy(sql: Sql, action: () => void): number {
  const before = sql.meter.rowsWritten;
  action();
  return sql.meter.rowsWritten - before;
}

function valuesFrom(log: SegmentLog, offset: number): (string | null)[] {
  return readAll(log, offset).map(({ value }) => textOf(value));
}

export const segmentLogCases: Record<string, (sql: Sql) => void> = {
  'gives dense offsets across batches, commits and a restart': (sql) => {
    const log = open(sql);
    assert.deepEqual(append(log, [{}, {}, {}], [{}]), [0, 3]);
    assert.deepEqual(append(log, [{}, {}]), [4]);
    const again = new SegmentLog(sql);
    assert.deepEqual(again.offsets, { logStartOffset: 0, highWatermark: 6 });
    assert.deepEqual(append(again, [{}]), [6]);
    assert.deepEqual(
      readAll(again, 0).map(({ offset }) => offset),
      [0, 1, 2, 3, 4, 5, 6],
    );
  },

  'writes one row for a batch, whatever its size': (sql) => {
    const log = open(sql);
    for (const [count, bytes] of [
      [1, 10],
      [1, 10],
      [100, 100],
      [1_000, 100],
      [1_000, 1_000],
      [1, 1],
    ] as const) {
      assert.equal(
        rowsWrittenBy(sql, () => append(log, filler(count, bytes))),
        1,
        `${count} records of ${bytes} B`,
      );
    }
  },

  'writes one row for a group of batches up to a segment': (sql) => {
    const log = open(sql);
    const batches = Array.from({ length: 9 }, () => filler(1_000, 100));
    assert.equal(
      rowsWrittenBy(sql, () => append(log, ...batches)),
      1,
    );
    assert.equal(
      rowsWrittenBy(sql, () => append(log, ...batches, ...batches)),
      2,
    );
    assert.equal(log.offsets.highWatermark, 27_000);
  },

  'packs single records into few rows': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 500; i++) append(log, [{ value: String(i).padStart(100, '.') }]);
    assert.ok(log.countSegments() <= 500 / 40, `${log.countSegments()} segments`);
    assert.deepEqual(
      valuesFrom(log, 498).map((value) => value?.replaceAll('.', '')),
      ['498', '499'],
    );
  },

  'keeps packing after a restart': (sql) => {
    open(sql);
    for (let i = 0; i < 20; i++) append(new SegmentLog(sql), [{ value: `v${i}` }]);
    const log = new SegmentLog(sql);
    assert.equal(log.countSegments(), 1);
    assert.deepEqual(valuesFrom(log, 18), ['v18', 'v19']);
  },

  'stores the bytes as they came but for the base offset': (sql) => {
    const log = open(sql);
    append(log, [{}]);
    const batch = batchOf([
      { key: 'k', value: 'v' },
      { key: null, value: null },
    ]);
    const sent = batch.slice();
    append(log, batch);
    const { chunks } = log.read(1, ALL, ALL) as ReadResult;
    assert.deepEqual(chunks[0]!.subarray(8), sent.subarray(8));
  },

  'reads from every offset exactly what follows it': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 40; i++)
      append(
        log,
        Array.from({ length: 1 + (i % 7) }, (_, n) => ({ value: `${i}.${n}` })),
      );
    append(log, filler(300, 200));
    const all = readAll(log, 0);
    for (const { offset } of all) {
      const result = log.read(offset, 1, ALL) as ReadResult;
      const [first] = recordsOf(result.chunks).filter((record) => record.offset >= offset);
      assert.equal(first?.offset, offset);
      assert.equal(textOf(first!.value), textOf(all[offset]!.value));
    }
  },

  'ends a read at the byte and record limits, after at least one batch': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 10; i++) append(log, filler(100, 400));
    const small = log.read(0, 1, ALL) as ReadResult;
    assert.equal(small.nextOffset, 100);
    const three = log.read(0, 3 * 42_000, ALL) as ReadResult;
    assert.equal(three.nextOffset, 300);
    const few = log.read(150, ALL, 60) as ReadResult;
    assert.equal(few.nextOffset, 300, 'the batches that hold records 150 to 209');
  },

  'leaves a segment that it would cut to the next read, once it has half of what it may have': (sql) => {
    const log = open(sql);
    const batches = Array.from({ length: 4 }, () => filler(100, 1_000));
    for (let i = 0; i < 3; i++) append(log, ...batches);
    const { rowsRead } = sql.meter;
    const first = log.read(0, 450_000, ALL) as ReadResult;
    assert.equal(first.nextOffset, 400, 'the first segment, whose four batches take 412,000 bytes');
    assert.ok(sql.meter.rowsRead - rowsRead <= 3, 'no other segment is read');
    const late = log.read(300, 450_000, ALL) as ReadResult;
    assert.equal(late.nextOffset, 700, 'one batch is less than half, so three of the next segment follow');
  },

  'reads in slices of a segment that holds many batches': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 50; i++) append(log, [{ value: `v${i}` }]);
    const seen: (string | null)[] = [];
    for (let offset = 0; offset < 50;) {
      const { chunks, nextOffset } = log.read(offset, 200, ALL) as ReadResult;
      seen.push(...recordsOf(chunks).map(({ value }) => textOf(value)));
      offset = nextOffset;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 50 }, (_, i) => `v${i}`),
    );
  },

  'answers nothing at the end and tells the range outside it': (sql) => {
    const log = open(sql);
    assert.deepEqual(log.read(0, ALL, ALL), { chunks: [], nextOffset: 0 });
    append(log, [{}, {}, {}]);
    log.deleteRecords(1);
    assert.deepEqual(log.read(3, ALL, ALL), { chunks: [], nextOffset: 3 });
    const below = log.read(0, ALL, ALL);
    assert.ok(isFailure(below) && below.code === 'offset_below_start');
    assert.deepEqual(below.details, { log_start_offset: 1, high_watermark: 3 });
    const past = log.read(4, ALL, ALL);
    assert.ok(isFailure(past) && past.code === 'offset_past_end');
  },

  'finds the first record at or after a time': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 200; i++) append(log, filler(20, 100, 10_000 + i * 100));
    for (const [timestampMs, expected] of [
      [0, 0],
      [10_000, 0],
      [10_001, 20],
      [10_100, 20],
      [29_900, 3_980],
    ] as const) {
      assert.equal(log.offsetForTimestamp(timestampMs, codec.inflate), expected, `at ${timestampMs}`);
    }
    assert.equal(log.offsetForTimestamp(29_901, codec.inflate), 4_000, 'the end, where there is none');
  },

  'finds records by time where timestamps go back and forth': (sql) => {
    const log = open(sql);
    const times = Array.from({ length: 300 }, (_, i) => 5_000 + ((i * 7_919) % 1_000));
    for (const timestamp of times) append(log, filler(1, 9_000, timestamp));
    for (let timestampMs = 4_990; timestampMs < 6_010; timestampMs += 17) {
      const expected = times.findIndex((timestamp) => timestamp >= timestampMs);
      assert.equal(log.offsetForTimestamp(timestampMs, codec.inflate), expected === -1 ? 300 : expected);
    }
  },

  'finds by time without reading the log': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 500; i++) append(log, filler(1, 33_000, i));
    const before = sql.meter.rowsRead;
    log.offsetForTimestamp(250, codec.inflate);
    assert.ok(sql.meter.rowsRead - before < 40, `${sql.meter.rowsRead - before} rows read`);
  },

  'retention by age removes whole segments from the start': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 10; i++) append(log, filler(10, 4_000, i * 1_000));
    const policy = { ...NO_RETENTION, retentionMs: 5_000 };
    assert.equal(log.retain(policy, 10_500), false);
    assert.equal(log.offsets.logStartOffset, 60, 'records of the times 0 to 5 are older than 5 s');
    assert.equal(log.countSegments(), 4);
    assert.equal(readAll(log, 60).length, 40);
    assert.equal(new SegmentLog(sql).offsets.logStartOffset, 60);
  },

  'retention by age can remove everything, and offsets go on': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 5; i++) append(log, [{}, {}]);
    const size = log.sizeBytes;
    assert.ok(size > 0);
    log.retain({ ...NO_RETENTION, retentionMs: 1_000 }, 1e9);
    for (const each of [log, new SegmentLog(sql)]) {
      assert.deepEqual(each.offsets, { logStartOffset: 10, highWatermark: 10 });
      assert.equal(each.sizeBytes, 0);
    }
    assert.deepEqual(append(new SegmentLog(sql), [{}]), [10]);
  },

  'retention by size keeps at least that much': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 20; i++) append(log, filler(10, 5_000));
    const policy = { ...NO_RETENTION, retentionBytes: 200_000 };
    log.retain(policy, 0);
    assert.ok(log.sizeBytes >= 200_000 && log.sizeBytes < 260_000, `${log.sizeBytes} bytes`);
    assert.equal(new SegmentLog(sql).sizeBytes, log.sizeBytes);
    assert.equal(log.retain(policy, 0), false);
  },

  'retention works in slices': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 600; i++) append(log, filler(1, 33_000, i));
    const policy = { ...NO_RETENTION, retentionMs: 1 };
    assert.equal(log.retain(policy, 1e6), true);
    assert.equal(log.countSegments(), 344);
    assert.equal(log.retain(policy, 1e6), true);
    assert.equal(log.retain(policy, 1e6), false);
    assert.equal(log.countSegments(), 0);
  },

  'says when retention is due': (sql) => {
    const log = open(sql);
    const policy = { ...NO_RETENTION, retentionMs: 1_000_000 };
    assert.equal(log.nextRetention(policy, 0), null, 'nothing stored');
    append(log, filler(1, 10, 5_000));
    assert.equal(log.nextRetention(policy, 6_000), 1_005_001);
    assert.equal(log.nextRetention(NO_RETENTION, 6_000), null);
    assert.equal(log.nextRetention(policy, 9_000_000), 9_100_000, 'overdue: at the next look');
  },

  'deletes records at once and frees the storage later': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 10; i++) append(log, filler(10, 5_000));
    assert.equal(
      rowsWrittenBy(sql, () => log.deleteRecords(55)),
      1,
    );
    assert.equal(log.offsets.logStartOffset, 55);
    assert.deepEqual(readAll(log, 55).map(({ offset }) => offset)[0], 55);
    assert.notEqual(log.nextRetention(NO_RETENTION, 0), null);
    log.retain(NO_RETENTION, 0);
    assert.equal(log.countSegments(), 5);
    assert.equal(log.nextRetention(NO_RETENTION, 0), null);
    assert.deepEqual(log.deleteRecords(10), log.deleteRecords(55));
  },

  'a transaction refuses to be asynchronous': (sql) => {
    assert.throws(() => sql.transaction(() => Promise.resolve()), /must not be asynchronous/);
  },
};
