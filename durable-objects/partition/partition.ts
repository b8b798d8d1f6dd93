/**
 * Partition object: one segment log of a topic, its clean-up, and waiting readers. The router checks what producers
 * send. The partition gives out offsets, stores, and answers when the records are durable.
 */

import { DurableObject } from 'cloudflare:workers';
import type { ProducerPage } from '../../core/log/known-producers.ts';
import type { TransactionEnd } from '../../core/log/producer-state.ts';
import type { KnownReport, ObjectReport } from '../../core/overview/object-report.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { Alarm } from '../runtime/alarm.ts';
import type { ObjectContext } from '../runtime/context.ts';
import { AppendLimits } from '../runtime/append-limits.ts';
import { GroupCommit } from '../runtime/group-commit.ts';
import { Waiters } from '../runtime/waiters.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import type { LogOffsets } from '../storage/segment-log.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { RetryTask } from '../forwarding/retry-task.ts';
import { shareDeadLetterTask } from './share/share-dead-letters.ts';
import type {
  ShareAcknowledge,
  ShareAcknowledged,
  ShareAcquire,
  ShareAcquired,
  ShareReset,
  ShareResetOutcome,
  ShareView,
  StaleGroup,
} from '../rpc/share-groups.ts';
import type { Env } from '../env.ts';
import { AnswerWaiters } from './read/answer-waiters.ts';
import { CleanUp } from './log/clean-up.ts';
import { describePartition } from './log/describe-partition.ts';
import { GroupExpiry } from './groups/group-expiry.ts';
import { answerTo } from './read/read-replies.ts';
import { resetGroup, resetShareGroup } from './read/reset-group.ts';
import { serveRead, type ReadHost } from './read/serve-read.ts';
import { appendReply } from './log/append-replies.ts';
import { readAppend } from './log/read-append.ts';
import { openPartition, type OpenPartition as Open } from './open-partition.ts';
import { PartitionReporter } from './partition-reporter.ts';
import { SubscriptionWakes } from './log/subscription-wakes.ts';
import { PartitionStore, storingPartition } from './log/partition-store.ts';
import { ColdUnavailable, Tier } from './tier/tier.ts';
import type {
  AppendedBatch,
  AppendOptions,
  AskGroup,
  OffsetCommit,
  GroupOffsetView,
  GroupReset,
  PartitionDescription,
  ReadRequest,
  PartitionDefinition,
  PartitionMethods,
} from '../rpc/partition.ts';
import { STALE, type Stale } from '../rpc/stale.ts';
import { appendCommand, type LogCommand, type LogOutcome } from './log/produced-log.ts';

export class Partition extends DurableObject<Env> implements PartitionMethods {
  readonly #sql: DurableSql;
  readonly #store: PartitionStore;
  readonly #waiters: Waiters;
  readonly #since: number;
  readonly #commit: GroupCommit<LogCommand, LogOutcome>;
  readonly #limits: AppendLimits;
  #alarm!: Alarm;
  #reporter!: PartitionReporter;
  #answers!: AnswerWaiters;
  #wakes!: SubscriptionWakes;
  #cleanUp!: CleanUp;
  #groupExpiry!: GroupExpiry;
  #shareDeadLetters!: RetryTask;
  #tier!: Tier;
  #reads!: ReadHost;
  #open: Open | null = null;
  #appends = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = new DurableSql(ctx.storage);
    this.#store = new PartitionStore(this.#sql);
    this.#waiters = new Waiters(ctx);
    this.#since = this.now();
    const shared = {
      env,
      sql: this.#sql,
      now: () => this.now(),
      waitUntil: (work: Promise<unknown>) => ctx.waitUntil(work),
    };
    this.#limits = new AppendLimits({
      ...shared,
      kind: 'partition',
      rows: () => this.#sql.meter.rowsWritten + this.#alarm.timesSet,
      object: () => this.#open && storingPartition(this.#open.definition),
      databaseBytes: () => ctx.storage.sql.databaseSize,
      coldBytes: () => this.#open?.log.coldBytes ?? 0,
    });
    this.#commit = new GroupCommit({
      commit: (commands) => this.#commitAll(commands),
      sync: () => ctx.storage.sync(),
      committed: () => {
        this.#answers.answer();
        this.#wakes.wake();
      },
    });
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => this.now());
      const context: ObjectContext = { ...shared, alarm: this.#alarm };
      this.#reporter = new PartitionReporter(context, ctx.storage.sql, () => this.#open);
      this.#cleanUp = new CleanUp(
        context,
        () => this.#open,
        () => this.#startMoved(),
      );
      this.#answers = new AnswerWaiters(
        context,
        this.#waiters,
        (wait) => this.#open && answerTo(wait, this.#open),
      );
      this.#wakes = new SubscriptionWakes(context, () => this.#open);
      this.#groupExpiry = new GroupExpiry(context, () => this.#open);
      this.#shareDeadLetters = shareDeadLetterTask(context, () => this.#open);
      this.#tier = new Tier(context, {
        open: () => this.#open,
        sync: () => ctx.storage.sync(),
        sealed: () => this.#limits.noteFreed(),
      });
      this.#reads = {
        waiters: this.#waiters,
        groupsUsed: (groups) => this.#groupsUsed(groups),
        readAhead: (offset) => this.#tier.readAhead(offset),
        readToEnd: (subscription) => this.#wakes.noteAtEnd(subscription),
      };
      const stored = this.#store.read();
      if (stored) this.#openLog(stored.definition, stored.isTiered);
    });
  }

  configure(definition: PartitionDefinition): void {
    if (this.#open && this.#open.definition.topic.version >= definition.topic.version) return;
    this.#store.write(definition);
    if (this.#open) this.#open.definition = definition;
    else this.#limits.setUp(() => this.#openLog(definition, false));
    this.#reporter.made();
    this.#cleanUp.schedule();
    this.#tier.wake();
  }

  async destroy(): Promise<void> {
    const open = this.#open;
    const stored = open ? { definition: open.definition, isTiered: open.objects.isUsed } : this.#store.read();
    this.#open = null;
    this.#cleanUp.cancel();
    this.#groupExpiry.cancel();
    this.#shareDeadLetters.cancel();
    this.#waiters.answer(() => 'gone');
    if (stored) await this.#tier.remove(stored.definition, stored.isTiered);
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Appends whole batches, checked by the caller, as one: all or none. Answers when they are durable. */
  async append(
    version: number,
    bytes: Uint8Array,
    { isHandedOn = false, publish: range, transaction, ifEnd, ...limits }: AppendOptions = {},
  ): Promise<AppendedBatch[] | Failure | Stale> {
    const learned = isHandedOn ? null : this.#limits.learn(limits);
    if (learned) await learned;
    const open = this.#current(version);
    if (!open) return STALE;
    const refused = this.#limits.refusal(isHandedOn ? null : limits, this.#commit.pendingBytes, bytes.length);
    if (refused) return refused;
    this.#appends += 1;
    const stampsAppends = open.definition.topic.config.timestamp_type === 'append';
    const batches = readAppend(bytes, stampsAppends, this.now());
    const command = appendCommand(batches, range, { transaction, ifEnd });
    const outcome = await this.#commit.submit(command, bytes.length);
    return isFailure(outcome) ? outcome : await this.#tier.read(() => appendReply(open, command, outcome));
  }

  async endTransaction(end: TransactionEnd): Promise<{ isNew: boolean } | null> {
    this.#alarm.runDue();
    if (!this.#open) return null;
    const outcome = await this.#commit.submit({ kind: 'end', end, timestampMs: this.now() }, 0);
    return outcome as { isNew: boolean };
  }

  describe(version: number): PartitionDescription | Stale {
    const open = this.#current(version);
    if (!open) return STALE;
    const meter = { ...this.#sql.meter, appends: this.#appends, commits: this.#commit.commits };
    return describePartition(open, {
      storageBytes: this.ctx.storage.sql.databaseSize,
      waiting: this.#waiters.count(),
      meter: { ...meter, since: this.#since },
    });
  }

  producers(version: number, after: number, limit: number): ProducerPage | Stale {
    return this.#current(version)?.produced.producersAfter(after, limit, this.now()) ?? STALE;
  }

  /** A reader has found a stored batch damaged. */
  noteDamage(version: number, offset: number): true {
    return this.#current(version)?.damage.note(offset) ?? true;
  }

  deleteRecords(version: number, before: number | 'latest'): LogOffsets | Failure | Stale {
    const open = this.#current(version);
    if (!open) return STALE;
    const result = open.log.deleteRecords(before === 'latest' ? open.log.offsets.highWatermark : before);
    if (!isFailure(result)) {
      open.produced.forgetRemoved();
      this.#cleanUp.schedule();
      this.#reporter.changed();
      this.#startMoved();
    }
    return result;
  }

  beginGroup(version: number, group: string): { begun: true } | Stale {
    const open = this.#current(version);
    if (!open) return STALE;
    open.groups.begin(group);
    this.#groupsUsed(open.groups);
    return { begun: true };
  }

  commitOffset(version: number, commit: OffsetCommit): { committed: number } | Failure | AskGroup | Stale {
    const open = this.#current(version);
    if (!open) return STALE;
    const result = open.groups.commit(commit);
    this.#groupsUsed(open.groups);
    return result;
  }

  endGroupTransaction(group: string, _transactionalId: string, end: TransactionEnd): true | null {
    this.#alarm.runDue();
    if (!this.#open) return null;
    this.#open.groups.endTransaction(group, end);
    this.#groupsUsed(this.#open.groups);
    this.#answers.answer();
    return true;
  }

  groupOffset(version: number, group: string): GroupOffsetView | Stale {
    return this.#current(version)?.groups.view(group) ?? STALE;
  }

  async resetOffset(
    version: number,
    reset: GroupReset,
  ): Promise<{ from: number | null; to: number | null } | Failure | Stale> {
    return await this.#tier.read(() => {
      const open = this.#current(version);
      if (!open) return STALE;
      const result = resetGroup(open, reset);
      this.#groupsUsed(open.groups);
      this.#answers.answer(); // a member may have waited for the end of a transaction that is given up
      return result;
    });
  }

  fenceGroup(group: string, epoch: number): void {
    if (!this.#open) return;
    this.#open.groups.fence(group, epoch);
    this.#groupsUsed(this.#open.groups);
  }

  forgetGroup(group: string): void {
    this.#open?.groups.forget(group);
    this.#reporter.changed();
    this.#answers.answer();
  }

  async acquireShared(version: number, request: ShareAcquire): Promise<ShareAcquired | StaleGroup | Stale> {
    const result = await this.#tier.read(() => this.#current(version)?.shared.acquire(request));
    this.#shareDeadLetters.wake();
    this.#reporter.changed();
    return result ?? STALE;
  }

  async acknowledgeShared(
    version: number,
    request: ShareAcknowledge,
  ): Promise<ShareAcknowledged | StaleGroup | Stale> {
    const result = await this.#tier.read(() => this.#current(version)?.shared.acknowledge(request));
    this.#shareDeadLetters.wake();
    this.#reporter.changed();
    return result ?? STALE;
  }

  async resetShared(version: number, reset: ShareReset): Promise<ShareResetOutcome | StaleGroup | Stale> {
    const result = await this.#tier.read(() => {
      const open = this.#current(version);
      return open && resetShareGroup(open, reset);
    });
    this.#reporter.changed();
    return result ?? STALE;
  }

  describeShared(version: number, group: ShareGroupDefinition): ShareView | StaleGroup | Stale {
    return this.#current(version)?.shared.view(group) ?? STALE;
  }

  forgetShared(group: string, id: number): void {
    this.#open?.shared.store.remove(group, id);
  }

  storedBytes(): number {
    return this.#limits.storedBytes();
  }

  reportChanges(known: KnownReport): ObjectReport | null {
    return this.#reporter.answer(known);
  }

  tick(): void {
    this.#alarm.runDue();
    this.#wakes.wakeUnknown();
    this.#reporter.changed();
  }

  /**
   * A read. 200 with record batches, 101 with a socket that brings them (for a caller that asks to upgrade, if there
   * are none yet), or 422 with a failure.
   */
  override async fetch(request: Request): Promise<Response> {
    const query = JSON.parse(decodeURIComponent(new URL(request.url).search.slice(1))) as ReadRequest;
    try {
      return await this.#tier.read((hasLoaded) => {
        const open = this.#current(query.version);
        if (!open) return Response.json(STALE, { status: 422 });
        return serveRead(this.#reads, open, query, request, !hasLoaded);
      });
    } catch (error) {
      if (error instanceof ColdUnavailable) return Response.json(error.failure, { status: 422 });
      throw error;
    }
  }

  override alarm(): void {
    this.#alarm.fired();
    this.#wakes.wakeUnknown();
    this.#reporter.changed();
  }

  /** Readers send nothing. The partition notices that one has left when it answers. */
  override webSocketMessage(): void {}
  override webSocketClose(): void {}
  override webSocketError(): void {}

  /** The clock. Tests of retention replace it. */
  protected now(): number {
    return Date.now();
  }

  #openLog(definition: PartitionDefinition, isTiered: boolean): void {
    const part = this.#tier.openPart(definition, isTiered);
    const open = openPartition(this.#sql, definition, part, () => this.now());
    this.#open = open;
    this.#reporter.woke();
    this.#groupExpiry.schedule(open.groups);
    this.#shareDeadLetters.wake();
    this.#cleanUp.schedule();
    this.#tier.woke();
  }

  /** The open partition, after running what is due; null if the caller's definition is not the current one. */
  #current(version: number): Open | null {
    this.#alarm.runDue();
    return this.#open && version >= this.#open.definition.topic.version ? this.#open : null;
  }

  #startMoved(): void {
    this.#answers.answer(); // a reader may wait for a record that is gone
    this.#limits.noteFreed();
    this.#tier.scheduleSweep();
  }

  #commitAll(commands: readonly LogCommand[]): LogOutcome[] {
    const open = this.#open;
    if (!open) throw new Error('the topic was deleted while records were on their way');
    this.#wakes.beforeCommit();
    const outcomes = open.produced.commit(commands, this.now());
    this.#cleanUp.scheduleAfterAppend(open);
    this.#limits.note();
    this.#reporter.changed();
    this.#tier.wake();
    return outcomes;
  }

  #groupsUsed(groups: Open['groups']): void {
    this.#groupExpiry.schedule(groups);
    this.#reporter.changed();
  }
}
