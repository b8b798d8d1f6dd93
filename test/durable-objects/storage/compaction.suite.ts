/** What holds for compaction on every SQL engine: see segment-log.suite.ts. */

import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import { crc32c } from '../../../protocol/record-batch/index.ts';
import { COMPACTION_SLICE_BYTES, type CompactionPolicy } from '../../../core/log/compaction.ts';
import type { RetentionPolicy } from '../../../core/log/retention.ts';
import { Compactor } from '../../../durable-objects/storage/compactor.ts';
import { SegmentLog, type ReadResult } from '../../../durable-objects/storage/segment-log.ts';
import type { Sql } from '../../../durable-objects/storage/sql.ts';
import { readAppend } from '../../../durable-objects/partition/log/read-append.ts';
import { append, batchOf, filler, readAll, textOf, toAppend } from '../../support/batches.ts';

const ALL = Number.MAX_SAFE_INTEGER;
const NO_RETENTION: RetentionPolicy = { retentionMs: null, retentionBytes: null };
const codec = {
  inflate: (bytes: Uint8Array) => gunzipSync(bytes),
  deflate: (bytes: Uint8Array) => gzipSync(bytes),
};
const DAY_MS = 86_400_000;

function open(sql: Sql): SegmentLog {
  SegmentLog.createTables(sql);
  return new SegmentLog(sql);
}

function compact(log: SegmentLog, policy: Partial<CompactionPolicy>, nowMs: number): number {
  const compactor = new Compactor(log, codec);
  const full = { minCleanableDirtyRatio: 0, deleteRetentionMs: DAY_MS, ...policy };
  let slices = 1;
  while (compactor.runSlice(full, nowMs)) slices += 1;
  return slices;
}

export const compactionCases: Record<string, (sql: Sql) => void> = {
  'compaction keeps the latest record of each key, at its offset': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 100; i++)
      append(
        log,
        Array.from({ length: 10 }, (_, n) => ({ key: `k${n}`, value: `${i}`.repeat(1_000) })),
      );
    const end = log.head.tail!.baseOffset;
    compact(log, {}, 0);
    const records = readAll(log, 0).filter(({ offset }) => offset < end);
    assert.deepEqual(
      records.map(({ key }) => textOf(key)),
      Array.from({ length: 10 }, (_, n) => `k${n}`),
    );
    assert.equal(records[0]!.offset, end - 10);
    assert.deepEqual(new SegmentLog(sql).offsets, { logStartOffset: 0, highWatermark: 1_000 });
    assert.equal(new SegmentLog(sql).sizeBytes, log.sizeBytes);
    assert.ok(log.sizeBytes < 80_000, `${log.sizeBytes} bytes`);
  },

  'compaction agrees with a map of the latest, whatever the order of keys': (sql) => {
    const log = open(sql);
    const expected = new Map<string, string>();
    for (let i = 0; i < 3_000; i++) {
      const key = `k${(i * 7_919) % 97}`;
      append(log, [{ key, value: `${i}`.padEnd(700) }]);
      expected.set(key, `${i}`);
    }
    compact(log, {}, 0);
    compact(log, {}, 0);
    const actual = new Map(readAll(log, 0).map(({ key, value }) => [textOf(key)!, textOf(value)!.trim()]));
    assert.deepEqual([...actual].sort(), [...expected].sort());
  },

  'compaction drops a tombstone after its time, and not before': (sql) => {
    const log = open(sql);
    append(log, [{ key: 'a', value: 'old'.repeat(12_000), timestamp: 1_000 }]);
    append(log, [
      { key: 'a', value: null, timestamp: 2_000 },
      { key: 'b', value: 'x'.repeat(33_000), timestamp: 2_000 },
    ]);
    append(log, filler(1, 33_000));
    const keys = (): (string | null)[] => readAll(log, 0).map(({ key }) => textOf(key));
    compact(log, {}, DAY_MS);
    assert.deepEqual(keys(), ['a', 'b', null]);
    compact(log, {}, DAY_MS + 2_001);
    assert.deepEqual(keys(), ['b', null]);
  },

  'a tombstone and a segment without timestamps age from their arrival': (sql) => {
    const log = open(sql);
    const timeless = batchOf([
      { key: 'a', value: null, timestamp: -1 },
      { key: 'b', value: 'x'.repeat(33_000), timestamp: -1 },
    ]);
    const [arrived] = readAppend(timeless, false, 5_000);
    assert.equal(arrived!.maxTimestamp, 5_000);
    append(log, [{ key: 'a', value: 'old'.repeat(12_000), timestamp: 1_000 }]);
    log.append([arrived!]);
    append(log, filler(1, 33_000, 6_000));
    const keys = (): (string | null)[] =>
      readAll(log, log.offsets.logStartOffset).map(({ key }) => textOf(key));
    compact(log, {}, DAY_MS);
    assert.deepEqual(keys(), ['a', 'b', null]);
    compact(log, {}, DAY_MS + 5_001);
    assert.deepEqual(keys(), ['b', null]);
    log.retain({ ...NO_RETENTION, retentionMs: 1_000 }, 6_000);
    assert.deepEqual(keys(), ['b', null]);
    log.retain({ ...NO_RETENTION, retentionMs: 1_000 }, 6_001);
    assert.deepEqual(keys(), [null]);
  },

  'compaction works through gzip batches': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 4; i++)
      log.append([
        toAppend(
          gzipped([
            { key: 'a', value: `${i}` },
            { key: `k${i}`, value: incompressible(i) },
          ]),
        ),
      ]);
    append(log, filler(1, 33_000));
    compact(log, {}, 0);
    const records = readAll(log, 0, undefined, codec.inflate);
    assert.deepEqual(
      records.map(({ key }) => textOf(key)),
      ['k0', 'k1', 'k2', 'a', 'k3', null],
    );
  },

  'compaction goes in bounded slices and begins again after a restart': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 24; i++) append(log, [{ key: `k${i % 3}`, value: 'x'.repeat(500_000) }]);
    const compactor = new Compactor(log, codec);
    const policy = { minCleanableDirtyRatio: 0.5, deleteRetentionMs: 0 };
    assert.equal(compactor.isDue(policy), true);
    assert.equal(compactor.runSlice(policy, 0), true);
    const again = new SegmentLog(sql);
    const slices = compact(again, {}, 0);
    assert.ok(
      slices >= Math.floor((2 * 11_500_000) / (COMPACTION_SLICE_BYTES + 500_000)),
      `${slices} slices`,
    );
    assert.deepEqual(
      readAll(again, 0).map(({ offset }) => offset),
      [20, 21, 22, 23],
    );
    assert.equal(new Compactor(again, codec).isDue(policy), false);
  },

  'reads across what compaction has removed': (sql) => {
    const log = open(sql);
    append(log, [{ key: 'stays', value: 'x'.repeat(33_000) }]);
    for (let i = 0; i < 5; i++) append(log, [{ key: 'a', value: 'x'.repeat(33_000) }]);
    compact(log, {}, 0);
    assert.deepEqual(
      readAll(log, 1).map(({ offset }) => offset),
      [4, 5],
    );
    const { nextOffset } = log.read(2, ALL, 1) as ReadResult;
    assert.ok(nextOffset >= 5);
  },

  'retention after compaction keeps the size right': (sql) => {
    const log = open(sql);
    for (let i = 0; i < 40; i++) append(log, [{ key: `k${i % 4}`, value: 'x'.repeat(40_000), timestamp: i }]);
    compact(log, {}, 0);
    const held = (): number => readAll(log, log.offsets.logStartOffset).length;
    assert.equal(Math.round(log.sizeBytes / 40_000), held());
    log.retain({ ...NO_RETENTION, retentionMs: 1 }, 39);
    assert.equal(Math.round(log.sizeBytes / 40_000), held());
    assert.equal(new SegmentLog(sql).sizeBytes, log.sizeBytes);
  },
};

function gzipped(records: Parameters<typeof batchOf>[0]): Uint8Array {
  const plain = batchOf(records);
  const payload = gzipSync(plain.subarray(61));
  const batch = new Uint8Array(61 + payload.length);
  batch.set(plain.subarray(0, 61));
  batch.set(payload, 61);
  const view = new DataView(batch.buffer);
  view.setInt32(8, batch.length - 12);
  view.setInt16(21, 1);
  view.setUint32(17, crc32c(batch, 21)); // the compactor leaves a batch alone whose CRC does not match
  return batch;
}

function incompressible(seed: number): string {
  let state = seed + 1;
  return Array.from({ length: 40_000 }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return String.fromCharCode(33 + (state % 90));
  }).join('');
}
