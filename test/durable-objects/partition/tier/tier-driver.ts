/** Partition log with a tier, on `node:sqlite` and a bucket in memory, which can be opened again as after a crash. */

import { isFailure } from '../../../../protocol/errors.ts';
import { TOPIC_DEFAULTS } from '../../../../protocol/schemas/topics.ts';
import { ProducedLog } from '../../../../durable-objects/partition/log/produced-log.ts';
import { zlibCodec } from '../../../../durable-objects/storage/zlib-codec.ts';
import { ColdCache } from '../../../../durable-objects/partition/tier/cold-cache.ts';
import { Tier } from '../../../../durable-objects/partition/tier/tier.ts';
import type { Tiered } from '../../../../durable-objects/partition/tier/sealer.ts';
import type { Env } from '../../../../durable-objects/env.ts';
import { Alarm } from '../../../../durable-objects/runtime/alarm.ts';
import { SegmentLog } from '../../../../durable-objects/storage/segment-log.ts';
import { hasTable } from '../../../../durable-objects/storage/sql.ts';
import { append, recordsOf, textOf, type TestRecord } from '../../../support/batches.ts';
import { MemoryBucket } from '../../../support/broker/memory-bucket.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';

export const HOT_BYTES = 65_536;

const definition = {
  topic: {
    namespace: 'n',
    name: 't',
    id: 1,
    version: 1,
    config: { ...TOPIC_DEFAULTS, hot_bytes: HOT_BYTES },
  },
  partition: 0,
};

/** One life of a partition. */
export class TierDriver {
  readonly sql: NodeSql;
  readonly bucket: MemoryBucket;
  readonly tier: Tier;
  readonly work: Promise<unknown>[] = [];
  readonly alarm: Alarm;
  nowMs = 1_000_000;
  open: Tiered | null;

  constructor(sql = new NodeSql(), bucket = new MemoryBucket()) {
    this.sql = sql;
    this.bucket = bucket;
    SegmentLog.createTables(sql);
    const storage = { getAlarm: () => Promise.resolve(null), setAlarm: () => Promise.resolve() };
    this.alarm = new Alarm(storage, null, () => this.nowMs);
    const context = {
      env: { OBJECTS: bucket } as unknown as Env,
      sql,
      alarm: this.alarm,
      now: () => this.nowMs,
      waitUntil: (work: Promise<unknown>) => void this.work.push(work),
    };
    const host = { open: () => this.open, sync: () => Promise.resolve(), sealed: () => {} };
    this.tier = new Tier(context, host, new ColdCache());
    this.open = null;
    const { objects, cold } = this.tier.openPart(definition, hasTable(sql, 'orphans'));
    const log = new SegmentLog(sql, cold);
    this.open = { definition, log, produced: new ProducedLog(sql, log, this.nowMs), objects };
  }

  get log(): SegmentLog {
    return this.open!.log;
  }

  /** The same rows and the same bucket. What was under way is forgotten. */
  again(): TierDriver {
    this.open = null;
    const next = new TierDriver(this.sql, this.bucket);
    next.nowMs = this.nowMs;
    next.tier.scheduleSweep(); // as one that wakes does, but it seals when it is told to
    return next;
  }

  append(...batches: (readonly TestRecord[])[]): void {
    append(this.log, ...batches);
  }

  /** Seals until the hot part is small enough, or something fails. */
  async seal(): Promise<void> {
    this.tier.wake();
    await this.rest();
  }

  async rest(): Promise<void> {
    while (this.work.length > 0) await this.work.shift();
  }

  /** Puts the clock forward and runs what is due. */
  async advance(ms: number): Promise<void> {
    this.nowMs += ms;
    this.alarm.fired();
    await this.rest();
  }

  /** All records from an offset on: offset and value. */
  async records(
    from = this.log.offsets.logStartOffset,
    bytesMax = 50_000,
  ): Promise<[number, string | null][]> {
    const records: [number, string | null][] = [];
    for (let offset = from; offset < this.log.offsets.highWatermark;) {
      const result = await this.tier.read(() => this.log.read(offset, bytesMax, Number.MAX_SAFE_INTEGER));
      if (isFailure(result)) throw new Error(result.message);
      for (const record of recordsOf(result.chunks))
        if (record.offset >= offset) records.push([record.offset, textOf(record.value)]);
      if (result.nextOffset <= offset) throw new Error(`the read at ${offset} does not go on`);
      offset = result.nextOffset;
    }
    return records;
  }

  async offsetAt(timestampMs: number): Promise<number> {
    return await this.tier.read(() => this.log.offsetForTimestamp(timestampMs, zlibCodec.inflate));
  }

  deleteRecords(before: number): void {
    if (isFailure(this.log.deleteRecords(before))) throw new Error(`${before} lies outside of the log`);
    while (this.log.retain({ retentionMs: null, retentionBytes: null }, this.nowMs));
    this.tier.scheduleSweep();
  }
}
