/** Share groups over a log in SQLite: what rows keep, what compaction and aborted transactions leave out, writes that fail. */

import { describe, expect, it } from 'vitest';
import { gzipSync, gunzipSync } from 'node:zlib';
import type { ShareGroupDefinition } from '../../../../core/topology/share-groups.ts';
import { ProducedLog, type ProducedBatch } from '../../../../durable-objects/partition/log/produced-log.ts';
import { isStaleGroup, type ShareAcquired } from '../../../../durable-objects/rpc/share-groups.ts';
import { SharedLog } from '../../../../durable-objects/partition/share/shared-log.ts';
import { Compactor } from '../../../../durable-objects/storage/compactor.ts';
import { SegmentLog } from '../../../../durable-objects/storage/segment-log.ts';
import { encodeBatch } from '../../../../protocol/record-batch/index.ts';
import { shareGroupConfigSchema } from '../../../../protocol/schemas/share-groups.ts';
import { append, bytesOf, filler, recordsOf, textOf } from '../../../support/batches.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';

const inflate = (payload: Uint8Array): Uint8Array => gunzipSync(payload);

function groupOf(config: object = {}, id = 1, version = id): ShareGroupDefinition {
  const parsed = shareGroupConfigSchema.parse({ topics: ['t'], ...config });
  const { dead_letter = 'none' } = parsed;
  return { namespace: 'default', name: 'g', id, version, config: { ...parsed, dead_letter } };
}

class Bench {
  readonly sql = new NodeSql();
  log: SegmentLog;
  produced!: ProducedLog;
  shared!: SharedLog;
  nowMs = 1_000;

  constructor() {
    SegmentLog.createTables(this.sql);
    this.log = new SegmentLog(this.sql);
    this.open();
  }

  /** As after a wake. */
  open(): void {
    this.log = new SegmentLog(this.sql);
    this.produced = new ProducedLog(this.sql, this.log, this.nowMs);
    this.shared = new SharedLog({
      sql: this.sql,
      log: this.log,
      produced: this.produced,
      topic: 't',
      topicId: 1,
      partition: 0,
      inflate,
      now: () => this.nowMs,
    });
  }

  acquire(group = groupOf(), recordsMax = 100, bytesMax = 1_000_000): ShareAcquired {
    const result = this.shared.acquire({ group, memberId: 'm', recordsMax, bytesMax, lockMs: 30_000 });
    if (isStaleGroup(result)) throw new Error('the group is stale');
    return result;
  }

  /** The offsets that are acquired, each with its delivery. */
  taken(group = groupOf(), recordsMax = 100): [number, number][] {
    return this.acquire(group, recordsMax).acquired.flatMap(({ start, end, deliveries }) =>
      Array.from({ length: end - start }, (_, nth): [number, number] => [start + nth, deliveries]),
    );
  }

  settle(kind: 'accept' | 'release' | 'reject', offsets: number[], delivery = 1, group = groupOf()): unknown {
    const acknowledgements = offsets.map((offset) => ({ kind, offset, delivery }));
    const nothing = { ranges: [], isLeaving: false };
    const told = this.shared.acknowledge({ group, acknowledgements, ...nothing });
    return isStaleGroup(told) ? told : told.outcomes;
  }
}

describe('share groups of a partition', () => {
  it('find everything again in one row, which each call writes once', () => {
    const bench = new Bench();
    append(bench.log, filler(50, 10), filler(50, 10));
    bench.shared.store.create();
    const rows = bench.sql.meter.rowsWritten;
    expect(bench.taken(groupOf(), 30)).toHaveLength(30);
    expect(bench.sql.meter.rowsWritten).toBe(rows + 1);
    bench.open();
    bench.settle('accept', [0, 1, 5]);
    expect(bench.sql.meter.rowsWritten).toBe(rows + 2);
    bench.open();
    expect(bench.shared.view(groupOf())).toMatchObject({
      startOffset: 2,
      endOffset: 30,
      acquired: 27,
      lag: 97,
    });
    expect(bench.taken(groupOf(), 1)).toEqual([[30, 1]]);
    bench.nowMs += 30_000;
    bench.open();
    expect(bench.taken(groupOf(), 4)).toEqual([
      [2, 2],
      [3, 2],
      [4, 2],
      [6, 2],
    ]);
  });

  it('bring only the batches that hold what was acquired', () => {
    const bench = new Bench();
    for (let nth = 0; nth < 4; nth++) append(bench.log, [{ value: `a${nth}` }, { value: `b${nth}` }]);
    expect(bench.taken(groupOf(), 8)).toHaveLength(8);
    bench.settle('release', [1, 6]);
    const { acquired, batches } = bench.acquire();
    expect(acquired).toEqual([
      { start: 1, end: 2, deliveries: 2 },
      { start: 6, end: 7, deliveries: 2 },
    ]);
    expect(recordsOf([batches]).map(({ value }) => textOf(value))).toEqual(['a0', 'b0', 'a3', 'b3']);
  });

  it('are not given what compaction has removed, also between two deliveries', () => {
    const bench = new Bench();
    const gzipCodec = { inflate, deflate: (payload: Uint8Array) => gzipSync(payload) };
    for (let nth = 0; nth < 3; nth++)
      append(bench.log, [
        { key: 'same', value: `s${nth}` },
        { key: `own${nth}`, value: 'x' },
        { key: 'same', value: `t${nth}` },
        ...Array.from({ length: 30 }, (_, i) => ({ key: `f${nth}-${i}`, value: 'x'.repeat(20_000) })),
      ]);
    const end = bench.log.offsets.highWatermark;
    expect(bench.taken(groupOf(), 2)).toEqual([
      [0, 1],
      [1, 1],
    ]);
    bench.settle('release', [0, 1]);
    const compactor = new Compactor(bench.log, gzipCodec, bench.produced);
    const policy = { minCleanableDirtyRatio: 0, deleteRetentionMs: 0 };
    while (compactor.runSlice(policy, 1_000_000));
    const left = recordsOf([...bench.log.segmentsFrom(0)].map(({ data }) => data)).map(
      ({ offset }) => offset,
    );
    expect(left).not.toContain(0);
    const seen: number[] = [];
    for (let more = bench.taken(); more.length > 0; more = bench.taken())
      seen.push(...more.map(([at]) => at));
    expect(seen).toEqual(left);
    bench.settle('accept', seen.slice(1));
    bench.settle('accept', [1], 2);
    expect(bench.shared.view(groupOf())).toMatchObject({ startOffset: end, lag: 0 });
  });

  it('see nothing of open transactions, and never what was aborted', () => {
    const bench = new Bench();
    const write = (values: string[], tx: boolean, baseSequence: number): void => {
      const records = values.map((value) => ({ key: null, value: bytesOf(value), timestamp: 1 }));
      const producer = {
        producerId: tx ? 7 : -1,
        producerEpoch: tx ? 0 : -1,
        baseSequence: tx ? baseSequence : -1,
        isTransactional: tx,
      };
      const bytes = encodeBatch(records, producer);
      const batch: ProducedBatch = {
        bytes,
        at: 0,
        sizeInBytes: bytes.length,
        lastOffsetDelta: values.length - 1,
        maxTimestamp: 1,
        ...producer,
      };
      bench.produced.commit([{ kind: 'append', batches: [batch] }], 1_000);
    };
    write(['a'], false, 0);
    write(['b', 'c'], true, 0);
    write(['d'], false, 0);
    expect(bench.taken()).toEqual([[0, 1]]);
    expect(bench.taken()).toEqual([]);
    const end = { producerId: 7, producerEpoch: 1, number: 0, outcome: 'abort' as const };
    bench.produced.commit([{ kind: 'end', end, timestampMs: 1_000 }], 1_000);
    expect(bench.taken()).toEqual([[3, 1]]);
    bench.settle('accept', [0, 3]);
    expect(bench.shared.view(groupOf())).toMatchObject({ startOffset: 5, lag: 0 });
  });

  it('are as before where a write fails at any step', () => {
    const group = groupOf({ dead_letter: { queue: 'q' } });
    for (let step = 1; ; step++) {
      const bench = new Bench();
      append(bench.log, filler(4, 10));
      bench.taken(group, 2);
      bench.sql.failAfter = step;
      let hasFailed = false;
      try {
        bench.settle('reject', [0, 1], 1, group);
      } catch {
        hasFailed = true;
      }
      bench.sql.failAfter = Infinity;
      const row = bench.shared.store.nextDeadLetters(0);
      const { archived } = bench.shared.view(group) as { archived: number };
      expect([archived, row?.count ?? 0], `broken at step ${step}`).toEqual(hasFailed ? [0, 0] : [2, 2]);
      if (!hasFailed) break;
      expect(bench.settle('reject', [0, 1], 1, group)).toEqual(['archived', 'archived']);
    }
  });

  it('refuse an older definition, and know a group made again under the name as another', () => {
    const bench = new Bench();
    append(bench.log, filler(3, 10));
    bench.taken(groupOf({}, 5, 8), 2);
    expect(isStaleGroup(bench.shared.view(groupOf({}, 5, 7)))).toBe(true);
    expect(isStaleGroup(bench.shared.view(groupOf({}, 4, 9)))).toBe(true);
    expect(bench.taken(groupOf({}, 9, 9))).toHaveLength(3);
    bench.shared.store.remove('g', 8);
    expect(bench.taken(groupOf({}, 9, 9)), 'a late removal of the old one').toEqual([]);
    bench.shared.store.remove('g', 9);
    expect(bench.taken(groupOf({}, 9, 9))).toHaveLength(3);
  });
});
