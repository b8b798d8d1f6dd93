/**
 * A queue over its rows: runs the machine of core/queue and writes what it decided. Synchronous throughout; `commit` is
 * one transaction, and where it fails the state is derived from the rows anew, so that memory never knows more than they.
 */

import { admit, takesWhole, type Arrival } from '../../core/queue/arrive.ts';
import { deliver, type DeliverCommand } from '../../core/queue/deliver.ts';
import { expireHeads, expireLeases } from '../../core/queue/expire.ts';
import { isPlain, readFacts, type SegmentSource } from '../../core/queue/facts.ts';
import { placeOf } from '../../core/queue/lane.ts';
import { dropHead } from '../../core/queue/limits.ts';
import { purge } from '../../core/queue/purge.ts';
import { noChanges, readyCount, type QueueState } from '../../core/queue/queue-state.ts';
import { hasOnlyValues } from '../../core/queue/scan.ts';
import type { SegmentState } from '../../core/queue/segment-state.ts';
import { settle, type Outcome, type Settlement } from '../../core/queue/settle.ts';
import { settleRun, type SettleRun } from '../../core/queue/settle-run.ts';
import type { QueueConfig } from '../../protocol/queues.ts';
import { encodeDeliveryFrame } from '../../protocol/delivery-frame.ts';
import { isBatchFailure, splitBatches, type LogRecord } from '../../protocol/record-batch/index.ts';
import type { Sql } from '../storage/sql.ts';
import { deliverySections } from './delivery-sections.ts';
import { LaneWriter, type LaneBatch } from './lane-writer.ts';
import { loadQueue } from './load-queue.ts';
import { deathRecord } from './moved-records.ts';
import { leasesOf, oldestMs, peek } from './looking.ts';
import { Outbox } from './outbox.ts';
import { decoded, packed } from './packing.ts';
import { ParkedMessages } from './parked-messages.ts';
import type { Published, PublishOptions } from './queue-calls.ts';
import { QueueStore, type OutboxRow } from './queue-store.ts';
import { SegmentCache } from './segment-cache.ts';
import { runOfTag } from './settle-message.ts';
import { Slots } from './slots.ts';

export interface TaggedSettlement {
  tag: string;
  settlement: Settlement;
}

export interface StepContext {
  nowMs: number;
  /** From 0 to below 1. */
  random: number;
}

export class StoredQueue {
  readonly #sql: Sql;
  readonly #store: QueueStore;
  readonly #cache: SegmentCache;
  readonly #writer: LaneWriter;
  readonly #slots = new Slots();
  readonly #outbox: Outbox;
  readonly #parked: ParkedMessages;
  readonly #source: SegmentSource;
  readonly #name: string;
  readonly #id: number;
  #state!: QueueState;
  #pending = { count: 0, bytes: 0 };
  /** Ids of this commit, to be written as one row. */
  #ids: { id: string; untilMs: number }[] = [];
  /** What a commit that failed began with, where the state may be ahead of the rows since. */
  #lost:
    (Pick<QueueState, 'config' | 'isPaused' | 'activeConsumer' | 'counters'> & { outgoing: number }) | null =
    null;

  constructor(
    sql: Sql,
    definition: { name: string; id: number; config: QueueConfig },
    isPaused: boolean,
    nowMs: number,
  ) {
    this.#sql = sql;
    this.#name = definition.name;
    this.#id = definition.id;
    this.#store = new QueueStore(sql);
    this.#cache = new SegmentCache((place) => this.#store.readData(place));
    this.#writer = new LaneWriter(this.#store, this.#cache);
    this.#source = {
      extentAt: (lane, offset) => this.#store.extentAt(lane, offset),
      facts: (extent) => {
        const records = this.#cache.records(extent);
        return (offset) => readFacts(records.get(offset)!);
      },
    };
    this.#outbox = new Outbox(this.#store, nowMs);
    this.#parked = new ParkedMessages(this.#store, this.#cache);
    this.#load(definition.config, isPaused);
  }

  get state(): Readonly<QueueState> {
    this.#recover();
    return this.#state;
  }

  /** Dead letters that are still here. */
  get outgoing(): number {
    this.#recover();
    return this.#outbox.count;
  }

  configure(config: QueueConfig): void {
    this.#recover();
    this.#state.config = config;
  }

  setPaused(isPaused: boolean): void {
    this.#recover();
    this.#state.isPaused = isPaused;
  }

  /** Runs the steps and writes what they changed, all or nothing. */
  commit<Result>(steps: () => Result): Result {
    this.#recover();
    const { counters, config, isPaused, activeConsumer } = this.#state;
    const before = { config, isPaused, activeConsumer, counters: { ...counters }, outgoing: this.outgoing };
    try {
      return this.#sql.transaction(() => {
        const result = steps();
        this.#writeChanges();
        return result;
      });
    } catch (error) {
      this.#lost = before;
      throw error;
    } finally {
      this.#writer.clear();
      this.#pending = { count: 0, bytes: 0 };
      this.#ids = [];
    }
  }

  /** After a commit that failed: derives the state from the rows anew, when it is next needed. */
  #recover(): void {
    if (this.#lost === null) return;
    const { config, isPaused, activeConsumer, counters, outgoing } = this.#lost;
    this.#cache.clear();
    this.#slots.clear();
    this.#load(config, isPaused);
    Object.assign(this.#state, { counters, activeConsumer });
    this.#outbox.count = outgoing;
    this.#lost = null;
  }

  /** A step: takes batches in. They can be delivered after `store`. */
  publish(bytes: Uint8Array, { source }: PublishOptions, { nowMs }: StepContext): Published {
    const published: Published = { count: 0, exceptions: [] };
    const known = source ? this.#store.sourceNumber(source.name) : -1;
    const skip = source ? Math.max(0, known + 1 - source.firstNumber) : 0;
    const located = splitBatches(bytes);
    if (isBatchFailure(located)) {
      throw new Error(`the router let a batch through that is broken: ${located.message}`);
    }
    for (const { at, header } of located) {
      const { recordCount: count, sizeInBytes, lastOffsetDelta, maxTimestamp } = header;
      const batch = { bytes, at, sizeInBytes, lastOffsetDelta, maxTimestamp };
      if (
        published.count >= skip &&
        hasOnlyValues(bytes, at, header) &&
        takesWhole(this.#state, this.#pending.count + count, this.#pending.bytes + sizeInBytes)
      ) {
        this.#pending.count += count;
        this.#pending.bytes += sizeInBytes;
        this.#writer.add(0, { ...batch, isPlain: true });
      } else {
        this.#admit(batch, decoded(bytes, at), published, skip, nowMs);
      }
      published.count += count;
    }
    if (source && published.count > skip) {
      this.#store.writeSource(source.name, source.firstNumber + published.count - 1);
    }
    this.#state.counters.published += published.count - published.exceptions.length;
    return published;
  }

  /** A step: what was published becomes ready, and limits are held. */
  store(): void {
    if (this.#ids.length > 0) {
      const untilMs = Math.max(...this.#ids.map((id) => id.untilMs));
      this.#store.insertIds(
        untilMs,
        this.#ids.map(({ id }) => id),
      );
      this.#ids = [];
    }
    this.#writer.flush(this.#state);
    this.#pending = { count: 0, bytes: 0 };
    this.#holdLength();
  }

  /** A step: delivers. Null where there is nothing. */
  deliver(command: DeliverCommand, { nowMs }: StepContext): Uint8Array | null {
    const slices = deliver(this.#state, command, this.#source, nowMs);
    if (slices.length === 0) return null;
    const sections = deliverySections(slices, (extent) => this.#cache.data(extent));
    if (command.autoAck) for (const { runs } of sections) for (const run of runs) run.expiresAtMs = 0;
    return encodeDeliveryFrame({ queueId: this.#id, sections });
  }

  /** A step: settles each tag by itself. */
  settle(
    settlements: readonly TaggedSettlement[],
    consumerId: string | undefined,
    context: StepContext,
  ): Outcome[] {
    const runs = settlements.map(({ tag, settlement }) => runOfTag(tag, settlement));
    return this.settleRuns(runs, consumerId, context);
  }

  /** A step: settles each message by itself. One outcome for each, in order. */
  settleRuns(runs: readonly SettleRun[], consumerId: string | undefined, context: StepContext): Outcome[] {
    const settleContext = { ...context, consumerId, source: this.#source };
    const outcomes = runs.flatMap((run): Outcome[] =>
      run.queueId === this.#id
        ? settleRun(this.#state, run, settleContext)
        : new Array<Outcome>(run.end - run.start).fill('unknown_tag'),
    );
    this.#holdLength(); // what comes back counts again
    return outcomes;
  }

  /** Messages that a consumer holds. */
  leasedBy(consumerId: string): number {
    return leasesOf(this.#state, consumerId).reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** A step: gives back all that a consumer holds. */
  releaseAll(consumerId: string): void {
    const context = { nowMs: 0, random: 0, consumerId, source: this.#source };
    for (const { lane, start, end, segment } of leasesOf(this.#state, consumerId)) {
      for (let offset = start; offset < end; offset++) {
        const delivery = segment.attemptsOf(offset)?.deliveries ?? 1;
        settle(this.#state, { queueId: this.#id, lane, offset, delivery }, { kind: 'release' }, context);
      }
    }
  }

  /** A step: returns messages whose lease is over. */
  expireLeases(nowMs: number): number {
    const expired = expireLeases(this.#state, this.#source, nowMs);
    this.#holdLength();
    return expired;
  }

  /** A step: removes expired messages from the heads. Gives when to look again. */
  expireHeads(nowMs: number): number {
    this.#state.dedup.expire(nowMs);
    const next = expireHeads(this.#state, this.#source, nowMs);
    return this.#holdLength() ? next : nowMs; // the limit may have been lowered far below what is there
  }

  /** A step: parked messages that are due become ready, at most a slice. True where more are due. */
  promote(nowMs: number): boolean {
    const isMoreDue = this.#parked.promote(this.#state, this.#writer, nowMs);
    this.#writer.flush(this.#state);
    this.#holdLength();
    return isMoreDue;
  }

  /** Drops from the head what is too much, at most a slice. False where more has to go. */
  #holdLength(): boolean {
    return this.#state.config.overflow !== 'drop-head' || dropHead(this.#state, this.#source);
  }

  /** True where messages were parked since `nextParkedMs` was asked. */
  hasNewParked(): boolean {
    return this.#parked.hasNew;
  }

  /** True where some message may expire by itself. */
  canExpire(): boolean {
    this.#recover();
    return this.#state.config.message_ttl_ms !== null
      ? readyCount(this.#state) > 0
      : this.#state.lanes.some(
          (lane) => lane !== undefined && !lane.isTailPlain && lane.cursor < lane.nextOffset,
        );
  }

  nextParkedMs(): number | null {
    this.#recover();
    return this.#parked.nextDueMs(this.#state);
  }

  /** A step: removes all that is ready or parked. Gives how many. */
  purge(): number {
    return purge(this.#state) + this.#parked.purge(this.#state);
  }

  /** The next messages, without taking them, by lane. */
  peek(max: number): { lane: number; records: LogRecord[] }[] {
    return peek(this.state, this.#source, (extent) => this.#cache.records(extent), max);
  }

  /** When the oldest of the next messages of each lane was published, in ms; null where there is none. */
  oldestMs(): number | null {
    return oldestMs(this.state, this.#source);
  }

  nextOutbox(): OutboxRow | null {
    this.#recover();
    return this.#outbox.next();
  }

  /** Recovers first: what is counted anew later would count the row again. */
  removeOutbox(row: OutboxRow): void {
    this.#recover();
    this.#outbox.remove(row);
  }

  /** Forgets the message ids that are past. */
  forgetIds(nowMs: number): void {
    this.#recover();
    this.#store.deleteIds(nowMs);
    this.#state.dedup.expire(nowMs);
  }

  #load(config: QueueConfig, isPaused: boolean): void {
    this.#state = loadQueue(this.#store, this.#cache, this.#slots, config, isPaused);
  }

  #admit(
    batch: Omit<LaneBatch, 'isPlain'>,
    records: readonly LogRecord[],
    published: Published,
    skip: number,
    nowMs: number,
  ): void {
    const bytes = batch.sizeInBytes / records.length;
    const arrivals: Arrival[] = [];
    records.forEach((record, delta) => {
      const index = published.count + delta;
      if (index < skip) published.exceptions.push({ index, outcome: 'duplicate' });
      else arrivals.push({ index, record, facts: readFacts(record), bytes });
    });
    const admitted = admit(this.#state, arrivals, this.#pending, nowMs);
    published.exceptions.push(...admitted.exceptions);
    this.#ids.push(...admitted.ids);
    for (const { dueMs, lane, arrivals: parked } of admitted.parked) {
      this.#parked.addNew(
        this.#state,
        dueMs,
        lane,
        parked.map(({ record }) => record),
      );
    }
    this.#outbox.add(admitted.dead.map(({ record }) => deathRecord(record, 'maxlen', this.#name)));
    this.#state.counters.published += admitted.dead.length;
    for (const [lane, stored] of admitted.stored) {
      const isWhole = stored.length === records.length;
      const plain = stored.every(({ facts }) => isPlain(facts));
      if (isWhole) this.#writer.add(lane, { ...batch, isPlain: plain });
      else this.#writer.add(lane, packed(stored.map(({ record }) => record)));
    }
  }

  #writeChanges(): void {
    const { touched, completed, ended, purged, parked, dead } = this.#state.changes;
    if (parked.length > 0) this.#parked.addReturned(parked);
    if (dead.length > 0) {
      this.#outbox.add(
        dead.map(({ extent, offset, ...death }) =>
          deathRecord(this.#cache.records(extent).get(offset)!, death.reason, this.#name, death),
        ),
      );
    }
    for (const segment of touched) this.#writeState(segment);
    for (const { extent, slot } of completed) {
      const place = placeOf(extent.lane, extent.baseOffset);
      this.#store.deleteSegment(place);
      this.#cache.drop(place);
      if (slot !== null) this.#slots.free(slot);
    }
    for (const { lane, from } of purged) this.#store.deleteSegmentsFrom(lane, from);
    for (const lane of ended) {
      if (lane.tail !== null || this.#slots.knowsEnd(lane)) continue;
      const place = placeOf(lane.lane, lane.nextOffset - 1); // inside what is gone: never the start of a segment
      this.#slots.free(this.#writeSlot(null, place, lane.lane, lane.nextOffset, ''));
    }
    for (const slot of this.#slots.surplus(this.#state)) this.#store.deleteDelivery(slot);
    this.#state.changes = noChanges();
  }

  #writeState(segment: SegmentState): void {
    const { lane, baseOffset, nextOffset } = segment.extent;
    const json = JSON.stringify(segment.toStored());
    segment.slot = this.#writeSlot(segment.slot, placeOf(lane, baseOffset), lane, nextOffset, json);
    segment.storedNextOffset = nextOffset;
  }

  #writeSlot(known: number | null, place: number, lane: number, nextOffset: number, json: string): number {
    const { slot, isNew } = known === null ? this.#slots.take(this.#state) : { slot: known, isNew: false };
    if (isNew) this.#store.insertDelivery(slot, place, nextOffset, json);
    else this.#store.updateDelivery(slot, place, nextOffset, json);
    this.#slots.wrote(slot, { lane, nextOffset });
    return slot;
  }
}
