import { describe, expect, it } from 'vitest';
import { Compactor } from '../../../durable-objects/storage/compactor.ts';
import { SegmentLog } from '../../../durable-objects/storage/segment-log.ts';
import { append, batchOf, filler, readAll, textOf } from '../../support/batches.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { compactionCases } from './compaction.suite.ts';
import { segmentLogCases } from './segment-log.suite.ts';

describe('a segment log on node:sqlite', () => {
  for (const [name, run] of Object.entries({ ...segmentLogCases, ...compactionCases }))
    it(name, () => run(new NodeSql()));
});

describe('a segment log whose storage fails', () => {
  /** Fails the n-th storage call for n = 1, 2, 3, ... until the operation gets through; the log must hold each time. */
  function breakAtEveryStep(prepare: (log: SegmentLog) => void, operate: (log: SegmentLog) => void): void {
    for (let n = 1, done = false; !done; n++) {
      const sql = new NodeSql();
      SegmentLog.createTables(sql);
      const log = new SegmentLog(sql);
      prepare(log);
      const before = contents(log);
      sql.failAfter = n;
      try {
        operate(log);
        done = true;
      } catch (error) {
        expect(String(error)).toContain('storage failed');
      }
      sql.failAfter = Infinity;
      if (!done) expect(contents(log), `in memory, after step ${n} failed`).toEqual(before);
      expect(contents(new SegmentLog(sql)), `after a restart, step ${n}`).toEqual(contents(log));
    }
  }

  const contents = (log: SegmentLog): unknown => ({
    ...log.offsets,
    size: log.sizeBytes,
    records: readAll(log, log.offsets.logStartOffset).map(({ offset, key, value }) => [
      offset,
      textOf(key),
      textOf(value),
    ]),
  });
  const twelve = (log: SegmentLog): void => {
    for (let i = 0; i < 12; i++)
      append(log, [{ key: `k${i % 3}`, value: `${i}`.repeat(20_000), timestamp: i }]);
  };

  it('appends all or nothing', () => {
    breakAtEveryStep(twelve, (log) =>
      append(log, [{ value: 'a' }], filler(10, 100), batchOf([{ value: 'c' }])),
    );
    breakAtEveryStep(
      (log) => append(log, [{ value: 'first' }]),
      (log) => append(log, [{ value: 'packed' }]),
    );
  });

  it('forgets all or nothing', () => {
    breakAtEveryStep(twelve, (log) => log.deleteRecords(5));
    breakAtEveryStep(twelve, (log) => log.retain({ retentionMs: 5, retentionBytes: null }, 12));
    breakAtEveryStep(twelve, (log) => log.retain({ retentionMs: 1, retentionBytes: null }, 1e6));
  });

  it('compacts without losing the latest of any key', () => {
    const policy = { minCleanableDirtyRatio: 0, deleteRetentionMs: 1e9 };
    for (let n = 1, done = false; !done; n++) {
      const sql = new NodeSql();
      SegmentLog.createTables(sql);
      const log = new SegmentLog(sql);
      twelve(log);
      sql.failAfter = n;
      try {
        const compactor = new Compactor(log, { inflate: () => null, deflate: (bytes) => bytes });
        while (compactor.runSlice(policy, 100));
        done = true;
      } catch (error) {
        expect(String(error)).toContain('storage failed');
      }
      sql.failAfter = Infinity;
      for (const each of [log, new SegmentLog(sql)]) {
        const latest = new Map(readAll(each, 0).map(({ key, offset }) => [textOf(key), offset]));
        expect([...latest].sort()).toEqual([
          ['k0', 9],
          ['k1', 10],
          ['k2', 11],
        ]);
        expect(each.sizeBytes).toBe(readAll(each, 0).length === 0 ? 0 : new SegmentLog(sql).sizeBytes);
      }
    }
  });

  it('compacts all that it has not, after a slice that failed', () => {
    const policy = { minCleanableDirtyRatio: 0, deleteRetentionMs: 1e9 };
    const codec = { inflate: () => null, deflate: (bytes: Uint8Array) => bytes };
    for (let n = 1, isBroken = true; isBroken; n++) {
      const sql = new NodeSql();
      SegmentLog.createTables(sql);
      const log = new SegmentLog(sql);
      for (let i = 0; i < 12; i++) append(log, [{ key: 'k', value: `${i}`.repeat(20_000), timestamp: i }]);
      const compactor = new Compactor(log, codec);
      sql.failAfter = n;
      isBroken = false;
      try {
        while (compactor.runSlice(policy, 100));
      } catch {
        isBroken = true;
      }
      sql.failAfter = Infinity;
      expect(log.sizeBytes, `in memory, after step ${n} failed`).toBe(new SegmentLog(sql).sizeBytes);
      while (isBroken && compactor.runSlice(policy, 100));
      expect(
        readAll(log, 0).filter(({ offset }) => offset < 10),
        `step ${n}`,
      ).toEqual([]);
    }
  });
});
