/**
 * A queue over its rows: runs the machine of core/queue and writes what it decided. Synchronous throughout; `commit` is
 * one transaction, and if it fails the state is derived from the rows anew, so that memory never knows more than they.
 */

import { deathRecord } from '../../core/queue/dead-letters/dead-letter-record.ts';
import { withDiscarded, type Discarded } from '../../core/queue/dead-letters/letter-routes.ts';
import type { LetterSource } from '../../core/queue/dead-letters/letter-scan.ts';
import { countDeath } from '../../core/queue/dead-letters/dead-letter.ts';
import { deliver, type DeliverCommand } from '../../core/queue/deliver/deliver.ts';
import { expireHeads, expireLeases } from '../../core/queue/expire.ts';
import type { SegmentSource } from '../../core/queue/state/message-metadata.ts';
import { dropHead } from '../../core/queue/publish/limits.ts';
import { purge } from '../../core/queue/purge.ts';
import { noChanges, type QueueMachine } from '../../core/queue/state/queue-machine.ts';
import { settle, type Outcome } from '../../core/queue/settle/settle.ts';
import { settleRun, type SettleRun } from '../../core/queue/settle/settle-run.ts';
import { noteSeen, resign } from '../../core/queue/deliver/single-active.ts';
import { DELIVER_BYTES_MAX } from '../../protocol/limits.ts';
import type { QueueConfig } from '../../protocol/schemas/queues.ts';
import type { DeliveryFrame } from '../../protocol/frames/delivery-frame.ts';
import type { Failure } from '../../protocol/errors.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import type { Sql } from '../storage/sql.ts';
import { ChangesWriter } from './rows/changes-writer.ts';
import { DeadLetterBox } from './dead-letters/dead-letter-box.ts';
import { deliverySections } from './deliver/delivery-sections.ts';
import { Admission } from './publish/admission.ts';
import { SegmentAppender } from './rows/segment-appender.ts';
import { loadQueue } from './rows/load-queue.ts';
import { leasesOf, oldestMs, peek } from './deliver/inspect.ts';
import { MessageBox } from './messages/message-box.ts';
import { MoveBox } from './messages/move-box.ts';
import { Outbox } from './dead-letters/outbox.ts';
import { OutboxStore, type OutboxRow } from './dead-letters/outbox-store.ts';
import { NO_TOTALS, ParkedStore, type Totals } from './rows/parked-store.ts';
import { ParkedMessages } from './time/parked-messages.ts';
import type { Published, PublishOptions } from '../rpc/queue.ts';
import { ProducerRows } from './rows/producer-rows.ts';
import { QueueStore } from './rows/queue-store.ts';
import { ReplayStore } from './dead-letters/replay-store.ts';
import { SegmentCache } from './rows/segment-cache.ts';
import { DeliveryRows } from './rows/delivery-rows.ts';
import { segmentSource } from './rows/segment-source.ts';

export interface StepContext {
  nowMs: number;
  /** From 0 to below 1. */
  random: number;
}

export class StoredQueue {
  readonly #sql: Sql;
  readonly #store: QueueStore;
  readonly #cache: SegmentCache;
  readonly #appender: SegmentAppender;
  readonly #deliveryRows = new DeliveryRows();
  readonly #changes: ChangesWriter;
  readonly #producers: ProducerRows;
  readonly #parkedStore: ParkedStore;
  readonly #outbox: Outbox;
  readonly #parked: ParkedMessages;
  readonly #admission: Admission;
  readonly #source: SegmentSource;
  readonly #name: string;
  readonly #id: number;
  /** Their methods are steps. */
  readonly deadLetters: DeadLetterBox;
  readonly messages: MessageBox;
  /** Those who waited have been served: what else has a time to live of 0 expires. */
  readonly noteServed = (): void => void (this.#state.arrivedFrom = null);
  #state!: QueueMachine;
  /** As stored. */
  #totals: Totals = NO_TOTALS;
  #discardedNow: Discarded = NO_TOTALS.discarded;
  /** The time of this commit. */
  #nowMs: number;
  /** What a commit that failed began with, if the state may be ahead of the rows since. */
  #rollback:
    | (Pick<QueueMachine, 'config' | 'isPaused' | 'activeConsumer' | 'counters'> & { outgoing: number })
    | null = null;

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
    this.#cache = new SegmentCache((rowKey) => this.#store.readData(rowKey));
    this.#producers = new ProducerRows(this.#store);
    this.#appender = new SegmentAppender(this.#store, this.#cache, this.#producers);
    this.#source = segmentSource(this.#store, this.#cache);
    this.#nowMs = nowMs;
    this.#changes = new ChangesWriter(this.#store, this.#cache, this.#deliveryRows, this.#producers);
    this.#parkedStore = new ParkedStore(sql);
    this.#outbox = new Outbox(new OutboxStore(sql), this.#parkedStore.totals().reserved, nowMs);
    this.#parked = new ParkedMessages(this.#parkedStore, this.#cache, () => this.#outbox.takeNumbers(1));
    this.#admission = new Admission({
      name: definition.name,
      store: this.#store,
      writer: this.#appender,
      parked: this.#parked,
      outbox: this.#outbox,
      producers: this.#producers,
    });
    const recordAt: LetterSource['recordAt'] = (extent, offset) => this.#cache.records(extent).get(offset)!;
    const queueId = this.#id;
    const letters = (): LetterSource => ({ queueId, state: this.#state, source: this.#source, recordAt });
    const box = { name: definition.name, letters, outbox: this.#outbox };
    const replays = new ReplayStore(sql);
    const moves = new MoveBox({ ...box, parked: this.#parked, replays });
    this.deadLetters = new DeadLetterBox({
      ...box,
      replays,
      runMove: (move, atMs) => moves.runSlice(move, atMs),
    });
    this.messages = new MessageBox({
      ...box,
      moves,
      parked: this.#parked,
      appender: this.#appender,
      expired: (records, atMs) => this.#expired(records, atMs),
      holdLength: () => this.#holdLength(),
    });
    this.#load(definition.config, isPaused);
  }

  get state(): Readonly<QueueMachine> {
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
    if (!config.single_active_consumer) this.#state.activeConsumer = null;
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
      this.#rollback = before;
      throw error;
    } finally {
      this.#admission.clear();
    }
  }

  /** After a commit that failed: derives the state from the rows anew, when it is next needed. */
  #recover(): void {
    if (this.#rollback === null) return;
    const { config, isPaused, activeConsumer, counters, outgoing } = this.#rollback;
    this.#cache.clear();
    this.#deliveryRows.clear();
    this.#load(config, isPaused);
    Object.assign(this.#state, { counters, activeConsumer });
    this.#outbox.count = outgoing;
    this.#rollback = null;
  }

  /** A step: takes batches in. They can be delivered after `store`. */
  publish(bytes: Uint8Array, options: PublishOptions, { nowMs }: StepContext): Published | Failure {
    this.#nowMs = nowMs;
    return this.#admission.publish(this.#state, bytes, options, nowMs);
  }

  /** A step: what was published becomes ready, and limits are held. */
  store(): void {
    this.#admission.store(this.#state);
    this.#holdLength();
  }

  /** A step: delivers messages. Null if none is ready. */
  deliver(command: DeliverCommand, { nowMs }: StepContext): DeliveryFrame | null {
    this.#nowMs = nowMs;
    const slices = deliver(this.#state, command, this.#source, nowMs);
    if (slices.length === 0) return null;
    const sections = deliverySections(slices, this.#cache);
    if (command.autoAck) for (const { runs } of sections) for (const run of runs) run.expiresAtMs = 0;
    return { queueId: this.#id, sections };
  }

  /** A step: settles each message by itself. One outcome for each, in order. */
  settleRuns(runs: readonly SettleRun[], consumerId: string | undefined, context: StepContext): Outcome[] {
    this.#nowMs = context.nowMs;
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

  /** A sign of life of a consumer. */
  noteSeen(consumerId: string, nowMs: number): void {
    this.#recover();
    noteSeen(this.#state, consumerId, nowMs);
  }

  /** The consumer takes no more. In a queue with a single active consumer, another takes its turn. */
  resign(consumerId: string): void {
    this.#recover();
    resign(this.#state, consumerId);
  }

  /** Messages whose lease has ended since the last call, by consumer. */
  takeEndedLeases(): ReadonlyMap<string, number> {
    const { endedLeases } = this.state;
    if (endedLeases.size > 0) this.#state.endedLeases = new Map();
    return endedLeases;
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
    this.#nowMs = nowMs;
    const expired = expireLeases(this.#state, this.#source, nowMs);
    this.#holdLength();
    return expired;
  }

  /** A step: removes expired messages from the heads. Returns when to look again. */
  expireHeads(nowMs: number): number {
    this.#nowMs = nowMs;
    this.#state.dedup.expire(nowMs);
    const next = expireHeads(this.#state, this.#source, nowMs);
    return this.#holdLength() ? next : nowMs; // the limit may have been lowered far below what is there
  }

  /** A step: parked messages that are due become ready, at most a slice. True if more are due. */
  promote(nowMs: number): boolean {
    this.#nowMs = nowMs;
    const isMoreDue = this.#parked.promote(this.#state, this.#appender, nowMs, (records) =>
      this.#expired(records, nowMs),
    );
    this.#appender.flush(this.#state);
    this.#holdLength();
    return isMoreDue;
  }

  /** Messages that had waited for their time, and were too old by then. */
  #expired(records: readonly LogRecord[], nowMs: number): void {
    const outcomes = records.map(() => countDeath(this.#state, 'expired'));
    if (outcomes[0] !== 'dead_lettered') return;
    this.#outbox.add(records.map((record) => deathRecord(record, 'expired', this.#name, nowMs)));
  }

  /** Drops from the head what is too much, at most a slice. False if more has to go. */
  #holdLength(): boolean {
    return this.#state.config.overflow !== 'drop-head' || dropHead(this.#state, this.#source);
  }

  /** When the first of those is due that were parked since the last call; Infinity: none was. */
  takeNextParked(): number {
    return this.#parked.takeNextDue();
  }

  /** When a message expires that became ready since the last call; Infinity: none does. */
  takeNextExpiry(): number {
    const { nextExpiryMs } = this.state;
    this.#state.nextExpiryMs = Infinity;
    return nextExpiryMs;
  }

  nextParkedMs(): number | null {
    this.#recover();
    return this.#parked.nextDueMs(this.#state);
  }

  /** A step: removes all ready and parked messages. Returns how many. */
  purge(): number {
    return purge(this.#state) + this.#parked.purge(this.#state);
  }

  /** The next messages, without taking them, by lane. */
  peek(max: number, bytesMax = DELIVER_BYTES_MAX): { lane: number; records: LogRecord[] }[] {
    return peek(this.state, this.#source, (extent) => this.#cache.records(extent), max, bytesMax);
  }

  /** When the oldest of the next messages of each lane was published, in ms; null if there is none. */
  oldestMs(): number | null {
    return oldestMs(this.state, this.#source);
  }

  nextOutbox(): OutboxRow | null {
    this.#recover();
    return this.#outbox.next();
  }

  noteOutbox(row: OutboxRow, done: readonly string[]): void {
    this.#outbox.noteDone(row, done);
  }

  /** All messages of the row have arrived, except those that were discarded. */
  removeOutbox(row: OutboxRow, discarded: Discarded): void {
    this.commit(() => {
      this.#outbox.remove(row);
      this.#discardedNow = withDiscarded(this.#discardedNow, discarded);
    });
  }

  /** Dead letters that nobody took, since the queue was made. */
  get discarded(): Discarded {
    this.#recover();
    return this.#discardedNow;
  }

  /** Forgets the message ids that are past. */
  forgetIds(nowMs: number): void {
    this.#recover();
    this.#store.deleteIds(nowMs);
    this.#state.dedup.expire(nowMs);
  }

  #load(config: QueueConfig, isPaused: boolean): void {
    this.#state = loadQueue(
      this.#store,
      this.#parkedStore,
      this.#cache,
      this.#deliveryRows,
      config,
      isPaused,
    );
    this.#producers.load(this.#parkedStore.totalsProducers());
    this.#totals = this.#parkedStore.totals();
    this.#discardedNow = this.#totals.discarded;
    this.#outbox.reserved = this.#totals.reserved;
  }

  #writeChanges(): void {
    const { parked, dead } = this.#state.changes;
    if (parked.length > 0) this.#parked.addReturned(this.#state, parked);
    if (dead.length > 0) this.#outbox.add(this.#deathRecords(dead));
    this.#changes.write(this.#state);
    this.#writeTotals();
    this.#state.changes = noChanges();
  }

  *#deathRecords(dead: QueueMachine['changes']['dead']): IterableIterator<LogRecord> {
    for (const { extent, offset, reason, ...leaving } of dead) {
      const record = this.#cache.records(extent).get(offset)!;
      yield deathRecord(record, reason, this.#name, this.#nowMs, leaving);
    }
  }

  #writeTotals(): void {
    const { parked, parkedBytes } = this.#state;
    const known = this.#totals;
    const { reserved } = this.#outbox;
    const isSame =
      parked === known.parked &&
      parkedBytes === known.parkedBytes &&
      reserved === known.reserved &&
      this.#discardedNow === known.discarded;
    if (isSame) return;
    this.#totals = { parked, parkedBytes, reserved, discarded: this.#discardedNow };
    this.#parkedStore.writeTotals(this.#totals, this.#producers.forTotals());
  }
}
