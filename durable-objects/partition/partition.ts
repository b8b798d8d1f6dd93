/**
 * A partition of a topic: one segment log, its clean-up, and readers that wait. The router checks what producers send;
 * the partition gives offsets, stores, and answers when it is durable.
 */

import { DurableObject } from 'cloudflare:workers';
import { COMPACTION_DELAY_MS, type CompactionPolicy } from '../../core/log/compaction.ts';
import { encodeFetchFrame } from '../../core/log/fetch-frame.ts';
import type { RetentionPolicy } from '../../core/log/retention.ts';
import { isCompacted } from '../../core/topology/topics.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { PENDING_APPEND_BYTES_MAX } from '../../protocol/limits.ts';
import {
  HIGH_WATERMARK_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  START_OFFSET_HEADER,
} from '../../protocol/media-types.ts';
import { isBatchFailure, splitBatches, stampAppendTime } from '../../protocol/record-batch/index.ts';
import { Alarm } from '../runtime/alarm.ts';
import { CostMeter } from '../runtime/cost-meter.ts';
import { GroupCommit } from '../runtime/group-commit.ts';
import { Waiters, type Wait } from '../runtime/waiters.ts';
import { concatenate } from '../storage/bytes.ts';
import { Compactor } from '../storage/compactor.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import { SegmentLog, type AppendBatch, type LogOffsets } from '../storage/segment-log.ts';
import type { Env } from '../stubs.ts';
import { GroupExpiry } from './group-expiry.ts';
import { GroupOffsets } from './group-offsets.ts';
import { gzipCodec } from './gzip-codec.ts';
import { PartitionStore, type PartitionDefinition } from './partition-store.ts';
import {
  isAskGroup,
  type AppendedBatch,
  type AskGroup,
  type GroupCommit as OffsetCommit,
  type GroupOffsetView,
  type GroupReset,
  type PartitionDescription,
  type ReadRequest,
  type Stale,
} from './partition-calls.ts';

/** What exists while the partition is defined. */
interface Open {
  definition: PartitionDefinition;
  log: SegmentLog;
  compactor: Compactor;
  groups: GroupOffsets;
}

const STALE: Stale = { stale: true };

export class Partition extends DurableObject<Env> {
  readonly #sql: DurableSql;
  readonly #store: PartitionStore;
  readonly #waiters: Waiters;
  readonly #since: number;
  readonly #commit: GroupCommit<AppendBatch[], AppendedBatch[]>;
  readonly #cost: CostMeter;
  #alarm!: Alarm;
  #groupExpiry!: GroupExpiry;
  #open: Open | null = null;
  #appends = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = new DurableSql(ctx.storage);
    this.#store = new PartitionStore(this.#sql);
    this.#waiters = new Waiters(ctx);
    this.#since = this.now();
    const cost = {
      now: () => this.now(),
      rows: () => this.#sql.meter.rowsWritten + this.#alarm.timesSet,
      namespace: () => this.#open?.definition.topic.namespace ?? null,
      waitUntil: (work: Promise<void>) => ctx.waitUntil(work),
    };
    this.#cost = new CostMeter(env, cost, Math.random());
    this.#commit = new GroupCommit({
      commit: (items) => this.#commitAppends(items),
      sync: () => ctx.storage.sync(),
      committed: () => this.#answerWaiters(),
    });
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => this.now());
      this.#alarm.register('retention', (nowMs) => this.#retain(nowMs));
      this.#alarm.register('compaction', (nowMs) => this.#compact(nowMs));
      this.#groupExpiry = new GroupExpiry(
        this.#alarm,
        env,
        () => this.#open && { groups: this.#open.groups, namespace: this.#open.definition.topic.namespace },
        (work) => ctx.waitUntil(work),
      );
      const definition = this.#store.read();
      if (definition) this.#openLog(definition);
    });
  }

  /** Takes a definition from the topology: makes the partition, or changes it. An older one changes nothing. */
  configure(definition: PartitionDefinition): void {
    if (this.#open && this.#open.definition.topic.version >= definition.topic.version) return;
    this.#store.write(definition);
    if (this.#open) this.#open.definition = definition;
    else this.#openLog(definition);
    this.#scheduleCleanUp();
  }

  /** Forgets everything and gives the storage back. */
  async destroy(): Promise<void> {
    this.#open = null;
    this.#alarm.schedule('retention', null);
    this.#alarm.schedule('compaction', null);
    this.#groupExpiry.cancel();
    this.#waiters.answer(() => 'gone');
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Appends whole batches, checked by the caller, as one: all or none. Answers when they are durable. */
  async append(version: number, bytes: Uint8Array): Promise<AppendedBatch[] | Failure | Stale> {
    const open = this.#current(version);
    if (!open) return STALE;
    const refused = this.#cost.refusal();
    if (refused) return refused;
    if (this.#commit.pendingBytes + bytes.length > PENDING_APPEND_BYTES_MAX) {
      return failure(
        'partition_overloaded',
        'appends arrive faster than they can be stored; slow down and try again',
        {
          retry_after_s: 1,
        },
      );
    }
    this.#appends += 1;
    return await this.#commit.submit(this.#stamped(open, bytes), bytes.length);
  }

  describe(version: number): PartitionDescription | Stale {
    const open = this.#current(version);
    if (!open) return STALE;
    const { rowsWritten, rowsRead } = this.#sql.meter;
    return {
      ...open.log.offsets,
      sizeBytes: open.log.sizeBytes,
      segments: open.log.countSegments(),
      storageBytes: this.ctx.storage.sql.databaseSize,
      waiting: this.#waiters.count(),
      meter: {
        rowsWritten,
        rowsRead,
        appends: this.#appends,
        commits: this.#commit.commits,
        since: this.#since,
      },
    };
  }

  deleteRecords(version: number, before: number | 'latest'): LogOffsets | Failure | Stale {
    const open = this.#current(version);
    if (!open) return STALE;
    const result = open.log.deleteRecords(before === 'latest' ? open.log.offsets.highWatermark : before);
    if (!isFailure(result)) this.#scheduleCleanUp();
    return result;
  }

  /** Commits what a group has handled. One row. */
  commitOffset(version: number, commit: OffsetCommit): { committed: number } | Failure | AskGroup | Stale {
    const open = this.#current(version);
    if (!open) return STALE;
    const result = open.groups.commit(commit.group, commit, commit.offset, commit.metadata);
    this.#groupExpiry.schedule(open.groups);
    return result;
  }

  groupOffset(version: number, group: string): GroupOffsetView | Stale {
    return this.#current(version)?.groups.view(group) ?? STALE;
  }

  resetOffset(
    version: number,
    { group, epoch, to, isDryRun }: GroupReset,
  ): { from: number | null; to: number } | Failure | Stale {
    const open = this.#current(version);
    if (!open) return STALE;
    const isShift = typeof to === 'object' && 'shiftBy' in to;
    return open.groups.reset(group, epoch, isShift ? to : { offset: this.#resolve(open.log, to) }, isDryRun);
  }

  /** A member of the group is gone: what it had before this epoch it cannot commit any more. */
  fenceGroup(group: string, epoch: number): void {
    this.#open?.groups.fence(group, epoch);
  }

  /** Forgets what a group has committed, when the group is deleted. */
  forgetGroup(group: string): void {
    this.#open?.groups.forget(group);
  }

  /** Runs what is due; the watchdog calls it in case an alarm was lost. */
  tick(): void {
    this.#alarm.runDue();
  }

  /**
   * A read. 200 with record batches, 101 with a socket that brings them (for a caller that asks to upgrade, where there
   * are none yet), or 422 with a failure.
   */
  override async fetch(request: Request): Promise<Response> {
    const query = JSON.parse(decodeURIComponent(new URL(request.url).search.slice(1))) as ReadRequest;
    const open = this.#current(query.version);
    if (!open) return Response.json(STALE, { status: 422 });
    const position = query.claim ? open.groups.position(query.claim) : null;
    if (isFailure(position) || isAskGroup(position)) return Response.json(position, { status: 422 });
    if (query.claim) this.#groupExpiry.schedule(open.groups);
    const offset = this.#resolve(open.log, query.offset ?? position ?? 'earliest');
    const result = open.log.read(offset, query.bytesMax, query.recordsMax);
    if (isFailure(result)) return Response.json(result, { status: 422 });
    const { logStartOffset, highWatermark } = open.log.offsets;
    if (result.chunks.length === 0 && request.headers.get('upgrade') === 'websocket') {
      return this.#waiters.accept({ offset, bytesMax: query.bytesMax, recordsMax: query.recordsMax });
    }
    return new Response(concatenate(result.chunks), {
      headers: {
        [START_OFFSET_HEADER]: String(offset),
        [NEXT_OFFSET_HEADER]: String(result.nextOffset),
        [HIGH_WATERMARK_HEADER]: String(highWatermark),
        [LOG_START_OFFSET_HEADER]: String(logStartOffset),
      },
    });
  }

  override alarm(): void {
    this.#alarm.fired();
  }

  /** Readers say nothing; that they have left is noticed when they would be answered. */
  override webSocketMessage(): void {}
  override webSocketClose(): void {}
  override webSocketError(): void {}

  /** The clock. Tests of retention replace it. */
  protected now(): number {
    return Date.now();
  }

  #openLog(definition: PartitionDefinition): void {
    const log = new SegmentLog(this.#sql);
    const groups = new GroupOffsets(
      this.#sql,
      () => log.offsets,
      () => this.now(),
    );
    this.#open = { definition, log, compactor: new Compactor(log, gzipCodec), groups };
    this.#groupExpiry.schedule(groups);
    this.#scheduleCleanUp();
  }

  /** The open partition, after running what is due; null where the caller's definition is not the current one. */
  #current(version: number): Open | null {
    this.#alarm.runDue();
    return this.#open && version >= this.#open.definition.topic.version ? this.#open : null;
  }

  #stamped(open: Open, bytes: Uint8Array): AppendBatch[] {
    const batches = splitBatches(bytes);
    if (isBatchFailure(batches))
      throw new Error(`the router let a batch through that is broken: ${batches.message}`);
    const appendTime = open.definition.topic.config.timestamp_type === 'append' ? this.now() : null;
    return batches.map(({ at, header }) => {
      if (appendTime !== null) stampAppendTime(bytes, at, appendTime);
      const { sizeInBytes, lastOffsetDelta } = header;
      return { bytes, at, sizeInBytes, lastOffsetDelta, maxTimestamp: appendTime ?? header.maxTimestamp };
    });
  }

  #commitAppends(groups: readonly AppendBatch[][]): AppendedBatch[][] {
    const open = this.#open;
    if (!open) throw new Error('the topic was deleted while records were on their way');
    const stampsAppends = open.definition.topic.config.timestamp_type === 'append';
    const baseOffsets = open.log.append(groups.flat()).values();
    this.#scheduleAfterAppend(open);
    return groups.map((batches) =>
      batches.map(({ lastOffsetDelta, maxTimestamp }) => ({
        baseOffset: baseOffsets.next().value!,
        recordCount: lastOffsetDelta + 1,
        appendTime: stampsAppends ? maxTimestamp : null,
      })),
    );
  }

  #answerWaiters(): void {
    const log = this.#open?.log;
    if (!log) return;
    this.#waiters.answer((wait) => answerTo(wait, log));
  }

  #resolve(log: SegmentLog, offset: NonNullable<ReadRequest['offset']>): number {
    if (offset === 'earliest') return log.offsets.logStartOffset;
    if (offset === 'latest') return log.offsets.highWatermark;
    return typeof offset === 'number'
      ? offset
      : log.offsetForTimestamp(offset.timestampMs, gzipCodec.inflate);
  }

  #retain(nowMs: number): number | null {
    if (!this.#open) return null;
    const { log, definition } = this.#open;
    const policy = retentionPolicy(definition);
    return log.retain(policy, nowMs) ? nowMs + 1 : log.nextRetention(policy, nowMs);
  }

  #compact(nowMs: number): number | null {
    if (!this.#open) return null;
    const { compactor, definition } = this.#open;
    const policy = compactionPolicy(definition);
    if (policy === null || !compactor.isDue(policy)) return null;
    return compactor.runSlice(policy, nowMs) ? nowMs + 1 : null;
  }

  #scheduleCleanUp(): void {
    if (!this.#open) return;
    const { log, definition } = this.#open;
    this.#alarm.schedule('retention', log.nextRetention(retentionPolicy(definition), this.now()));
    this.#alarm.schedule('compaction', null);
    this.#scheduleCompaction(this.#open);
  }

  /** Almost always finds both scheduled or not needed: an append must not cost a second row. */
  #scheduleAfterAppend(open: Open): void {
    const policy = retentionPolicy(open.definition);
    if (!this.#alarm.isScheduled('retention') || policy.retentionBytes !== null) {
      const due = open.log.nextRetention(policy, this.now());
      this.#alarm.scheduleEarlier('retention', due);
    }
    this.#scheduleCompaction(open);
  }

  #scheduleCompaction({ compactor, definition }: Open): void {
    const policy = compactionPolicy(definition);
    if (policy === null || this.#alarm.isScheduled('compaction') || !compactor.isDue(policy)) return;
    this.#alarm.schedule('compaction', this.now() + COMPACTION_DELAY_MS);
  }
}

function answerTo(wait: Wait, log: SegmentLog): Uint8Array | null | 'gone' {
  const result = log.read(wait.offset, wait.bytesMax, wait.recordsMax);
  if (isFailure(result)) return 'gone';
  if (result.chunks.length === 0) return null;
  const { chunks, nextOffset } = result;
  return encodeFetchFrame({
    ...log.offsets,
    startOffset: wait.offset,
    nextOffset,
    batches: concatenate(chunks),
  });
}

/** A compacted topic keeps its records whatever their age, unless it deletes too. */
function retentionPolicy({ topic: { config } }: PartitionDefinition): RetentionPolicy {
  const deletes = config.cleanup_policy !== 'compact';
  return {
    retentionMs: deletes ? config.retention_ms : null,
    retentionBytes: deletes ? config.retention_bytes : null,
  };
}

function compactionPolicy({ topic: { config } }: PartitionDefinition): CompactionPolicy | null {
  if (!isCompacted(config)) return null;
  return {
    minCleanableDirtyRatio: config.min_cleanable_dirty_ratio,
    deleteRetentionMs: config.delete_retention_ms,
  };
}
