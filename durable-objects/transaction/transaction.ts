/**
 * Transaction object: the coordinator of a transactional id (the rules are in core/transaction). A decision is one row.
 * Then every partition of the transaction gets a marker, with retries. A repeated marker changes nothing, so after a
 * crash the coordinator sends them all again.
 */

import { DurableObject } from 'cloudflare:workers';
import { noSuchNamespace } from '../../core/access/namespace.ts';
import { checkPublish } from '../../core/transaction/held-messages.ts';
import { isIdle, NEVER_LISTED, takenOff, type Listing } from '../../core/transaction/listing.ts';
import {
  addParts,
  checkResumed,
  end,
  endedEpoch,
  expire,
  expiresMs,
  initialise,
  completed,
  type Identity,
  type Outcome,
} from '../../core/transaction/transaction.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { Alarm } from '../runtime/alarm.ts';
import { CostMeter } from '../runtime/cost-meter.ts';
import { StoredMeter, type Storing } from '../runtime/stored-meter.ts';
import type { PublishLimits } from '../rpc/publish-limits.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import { topologyStub } from '../stubs.ts';
import type { Env } from '../env.ts';
import type { TopologyMethods } from '../rpc/topology.ts';
import { sendMarkers } from './markers.ts';
import { MessageStore } from './message-store.ts';
import { sendMessages } from './send-messages.ts';
import type {
  EndAnswer,
  HeldPublish,
  TransactionDescription,
  TransactionPart,
  TransactionMethods,
} from '../rpc/transaction.ts';
import { TransactionStore, type StoredTransaction } from './transaction-store.ts';

/** After a partition could not be reached. */
const RETRY_DELAY_MS = 5_000;

export class Transaction extends DurableObject<Env> implements TransactionMethods {
  readonly #sql: DurableSql;
  readonly #store: TransactionStore;
  #messages: MessageStore;
  readonly #cost: CostMeter;
  readonly #stored: StoredMeter;
  #alarm!: Alarm;
  #state: StoredTransaction | null = null;
  #listing: Listing = NEVER_LISTED;
  #erasures = 0;
  /** The sending of markers and messages that is under way. */
  #completing: Promise<boolean> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = new DurableSql(ctx.storage);
    this.#store = new TransactionStore(this.#sql);
    this.#messages = new MessageStore(this.#sql);
    const shared = {
      env,
      now: () => this.now(),
      waitUntil: (work: Promise<unknown>) => ctx.waitUntil(work),
    };
    const cost = {
      ...shared,
      rows: () => this.#sql.meter.rowsWritten + this.#alarm.timesSet,
      namespace: () => ctx.id.name?.split('/')[0] ?? null, // the object is named namespace/transactional-id
    };
    this.#cost = new CostMeter(env, cost, Math.random());
    this.#stored = new StoredMeter(
      shared,
      () => ctx.storage.sql.databaseSize,
      () => this.#storing(),
    );
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => this.now());
      this.#alarm.register('timeout', (nowMs) => this.#expire(nowMs));
      this.#alarm.register('markers', (nowMs) => {
        ctx.waitUntil(this.#complete());
        return this.#state?.phase === 'ending' ? nowMs + RETRY_DELAY_MS : null;
      });
      const stored = this.#store.read();
      if (stored === null) return;
      this.#state = stored.state;
      this.#listing = stored.listing;
      this.#alarm.schedule('timeout', expiresMs(this.#state));
      // Perhaps only the row of the last transaction. Finding out writes no row.
      if (this.#state.phase === 'ending') ctx.waitUntil(this.#complete());
    });
  }

  /**
   * Begins a new instance of the producer. Fences the previous one, and aborts its open transaction.
   * @param resumed who asks, if it is the instance that is there already
   */
  async initialise(
    transactionalId: string,
    timeoutMs: number,
    freshId: number,
    resumed: Identity | null = null,
  ): Promise<Identity | Failure> {
    this.#alarm.runDue();
    // Once more than there are states to pass through: a call between may have opened a transaction again.
    for (let step = 0; step < 4; step++) {
      if (!(await this.#complete())) break;
      const resume = resumed === null ? null : checkResumed(this.#state, transactionalId, resumed);
      if (isFailure(resume)) return resume;
      if (resume === 'repeated') return { id: this.#state!.producerId, epoch: this.#state!.epoch };
      const refused = this.#state === null ? await this.#noteFirstUse(transactionalId) : null;
      if (refused) return refused;
      const next = initialise(this.#state, transactionalId, timeoutMs, freshId, resumed);
      this.#save(next);
      if (next.phase === 'empty') return { id: next.producerId, epoch: next.epoch };
    }
    return failure(
      'transaction_in_progress',
      'the transaction of the instance before this one is still ending; try again',
    );
  }

  /** Adds partitions before the producer writes to them. The number is that of the transaction. */
  async addPartitions(
    transactionalId: string,
    identity: Identity,
    parts: Record<string, TransactionPart>,
  ): Promise<{ number: number } | Failure> {
    const refused = await this.#readyToOpen();
    if (refused) return refused;
    const next = addParts(this.#state, transactionalId, identity, parts, this.now());
    if (isFailure(next)) return next;
    this.#save(next);
    return { number: next.number };
  }

  /**
   * Holds messages until the transaction is committed. A repetition changes nothing.
   * @param topicProducerId a new one, for the first messages that go to a topic
   */
  async addMessages(
    transactionalId: string,
    identity: Identity,
    publish: HeldPublish,
    topicProducerId: number | null,
    limits: PublishLimits = {},
  ): Promise<Failure | null> {
    this.#alarm.runDue();
    const learned = this.#stored.learn(limits.storedBytesMax);
    if (learned) await learned;
    const refused = this.#cost.refusal(limits.rowsPerHour) ?? this.#stored.refusal(publish.bytes.length);
    if (refused) return refused;
    const closed = await this.#readyToOpen();
    if (closed) return closed;
    const opened = addParts(this.#state, transactionalId, identity, {}, this.now());
    if (isFailure(opened)) return opened;
    const outcome = checkPublish(
      this.#messages.held(identity),
      publish.sequence,
      publish.count,
      publish.bytes.length,
    );
    if (outcome === 'duplicate') return null;
    if (isFailure(outcome)) return outcome;
    const isFirstToTopic = topicProducerId !== null && opened.topicProducerId === null;
    const next = isFirstToTopic ? { ...opened, topicProducerId } : opened;
    const slot = this.#messages.count(identity);
    this.#messages.create();
    this.#sql.transaction(() => {
      this.#messages.add(identity, slot, publish);
      if (next !== this.#state) this.#store.write(next, this.#used());
    });
    this.#entered(next);
    return null;
  }

  /** Commits or aborts. Answers when it is decided, and if they can be reached, when every partition has it. */
  async end(
    transactionalId: string,
    identity: Identity,
    outcome: Outcome,
    keepsEpoch = false,
  ): Promise<EndAnswer | Failure> {
    this.#alarm.runDue();
    // Who asks for the one after it has to wait until it has ended.
    if (this.#state?.phase === 'ending' && identity.epoch === this.#state.epoch) await this.#complete();
    // Messages are known by the epoch of their transaction.
    const mayKeep = keepsEpoch && this.#messages.count(identity) === 0;
    const next = end(this.#state, transactionalId, identity, outcome, mayKeep);
    if (isFailure(next)) return next;
    this.#save(next);
    const isComplete = await this.#complete();
    return {
      producer: { id: next.producerId, epoch: next.epoch },
      state: isComplete ? 'empty' : stateOf(next) === 'committing' ? 'committing' : 'aborting',
    };
  }

  describe(): TransactionDescription | null {
    this.#alarm.runDue();
    if (this.#state === null) return null;
    const { producerId, epoch, startedMs, timeoutMs, parts, last } = this.#state;
    return {
      producer: { id: producerId, epoch },
      state: stateOf(this.#state),
      startedMs,
      timeoutMs,
      parts: Object.values(parts),
      last: last && { outcome: last.outcome, reason: last.reason },
      rowsWritten: this.#sql.meter.rowsWritten + this.#alarm.timesSet,
    };
  }

  storedBytes(): number {
    return this.#stored.bytes();
  }

  /** What is due, for the watchdog: alarms can be lost. An id that has had nothing to do for long is not visited again. */
  async tick(): Promise<void> {
    this.#alarm.runDue();
    if (!(await this.#complete())) return;
    if (this.#state === null || !isIdle(this.#state, this.#listing, this.now())) return;
    const { transactionalId } = this.#state;
    const { number } = this.#listing;
    this.#listing = takenOff(this.#listing);
    this.#store.write(this.#state, this.#listing);
    await this.ctx.storage.sync(); // from here on the next transaction puts it on the list again, by a higher number
    await this.#topology.unlistTransactionalId(transactionalId, number);
  }

  /** Deletes everything and releases the storage, because the namespace is deleted. */
  async erase(): Promise<void> {
    this.#erasures += 1;
    this.#state = null;
    this.#listing = NEVER_LISTED;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#messages = new MessageStore(this.#sql);
    this.#alarm.forgetAll();
  }

  /** Lasts until what is ending has been tried: if the object ends before, the platform calls again. */
  override async alarm(): Promise<void> {
    this.#alarm.fired();
    await this.#complete();
  }

  /** The clock. Tests replace it. */
  protected now(): number {
    return Date.now();
  }

  #save(next: StoredTransaction): void {
    if (next === this.#state) return;
    this.#store.write(next, this.#used(), this.#state === null);
    this.#entered(next);
  }

  /** The one before has ended, if its partitions can be reached, and the watchdog knows of the id. */
  async #readyToOpen(): Promise<Failure | null> {
    this.#alarm.runDue();
    if (this.#state?.phase === 'ending') await this.#complete();
    while (this.#state !== null && !this.#listing.isListed) {
      const { number } = this.#listing;
      const refused = await this.#topology.listTransactionalId(this.#state.transactionalId, number);
      if (refused) return refused;
      // Kept with the row that opens the transaction. If it was taken off meanwhile, once more.
      if (this.#listing.number === number) this.#listing = { ...this.#listing, isListed: true };
    }
    return null;
  }

  /** The topology knows of a coordinator before it stores anything, so that the deletion of the namespace finds it. */
  async #noteFirstUse(transactionalId: string): Promise<Failure | null> {
    const erasures = this.#erasures;
    const refused = await this.#topology.noteCoordinator(transactionalId);
    return refused ?? (this.#erasures === erasures ? null : noSuchNamespace(this.#namespace));
  }

  #used(): Listing {
    this.#listing = { ...this.#listing, usedMs: this.now() };
    return this.#listing;
  }

  #storing(): Storing | null {
    if (this.#state === null) return null;
    const { transactionalId: name } = this.#state;
    return { namespace: this.#namespace, kind: 'transaction', name, id: 0, partition: 0 };
  }

  get #topology(): DurableObjectStub<TopologyMethods> {
    return topologyStub(this.env, this.#namespace);
  }

  get #namespace(): string {
    return this.ctx.id.name!.split('/')[0]!; // the object is named namespace/transactional-id
  }

  /** After the state was written. */
  #entered(next: StoredTransaction): void {
    const wasOpenUntil = this.#state && expiresMs(this.#state);
    this.#state = next;
    this.#alarm.schedule('timeout', expiresMs(next));
    // Should this object be lost before the markers are out: by the alarm that is set already, which costs no row.
    if (next.phase === 'ending') this.#alarm.schedule('markers', wasOpenUntil ?? this.now() + RETRY_DELAY_MS);
    this.#cost.note();
    this.#stored.note();
  }

  #expire(nowMs: number): number | null {
    if (this.#state === null) return null;
    const next = expire(this.#state, nowMs);
    if (next === this.#state) return expiresMs(next);
    this.#store.write(next, this.#used());
    this.#state = next;
    this.#alarm.schedule('markers', nowMs + RETRY_DELAY_MS);
    this.ctx.waitUntil(this.#complete());
    return null;
  }

  /** True if no transaction is ending: none was, or every partition has the marker now. Never rejects. */
  #complete(): Promise<boolean> {
    if (this.#state?.phase !== 'ending') return Promise.resolve(true);
    this.#completing ??= this.#sendMarkers(this.#state)
      .catch((error: unknown) => {
        console.error(`transaction ${this.ctx.id.name} could not end; trying again`, error);
        return false;
      })
      .then((isComplete) => {
        if (isComplete) this.#alarm.schedule('markers', null);
        else this.#alarm.scheduleEarlier('markers', this.now() + RETRY_DELAY_MS);
        return isComplete;
      })
      .finally(() => (this.#completing = null));
    return this.#completing;
  }

  async #sendMarkers(ending: StoredTransaction): Promise<boolean> {
    await this.ctx.storage.sync(); // the decision is on disk before anybody hears of it
    const publishes = ending.last?.outcome === 'commit' ? this.#messages.publishes(endingOf(ending)) : [];
    const [isMarked, isSent] = await Promise.all([
      sendMarkers(this.env, ending),
      sendMessages(this.env, { ...ending, ...endingOf(ending), publishes }),
    ]);
    if (!isMarked || !isSent) return false;
    if (this.#state === ending) {
      const done = completed(ending);
      // Markers may be sent again after a wake. Messages may not: what they are known by is not kept for ever.
      if (publishes.length > 0) this.#store.write(done, this.#used());
      this.#state = done; // only now: it may not have been stored
      this.#messages.shrink();
    }
    return true;
  }
}

/** Of the transaction that is ending. */
function endingOf(ending: StoredTransaction): Identity {
  return { id: ending.producerId, epoch: endedEpoch(ending)! };
}

function stateOf({ phase, last }: StoredTransaction): TransactionDescription['state'] {
  if (phase !== 'ending') return phase;
  return last?.outcome === 'commit' ? 'committing' : 'aborting';
}
