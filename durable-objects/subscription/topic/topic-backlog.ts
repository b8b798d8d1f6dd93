/**
 * Topic backlog: records of the partitions of a topic that a subscription pushes. It reads ahead, in memory, and stores how far
 * it has come: one row for all that is settled in a partition within some milliseconds.
 *
 * A partition says when there is something to read (durable-objects/partition/log/subscription-wakes.ts), so nothing runs while
 * nothing waits. While something waits, the alarm of the object is set: what is lost with the object is read again then.
 */

import { retryDelay } from '../../../core/queue/settle/retry.ts';
import { pushDeadLetter } from '../../../core/subscription/dead-letter.ts';
import type { StoredProgress } from '../../../core/subscription/partition-progress.ts';
import type { PushFailure } from '../../../core/subscription/push-verdict.ts';
import {
  batchMax,
  isInOrder,
  type SubscriptionConfig,
  type SubscriptionDefinition,
} from '../../../core/topology/subscriptions.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { RetryTask } from '../../forwarding/retry-task.ts';
import type { PartitionWake } from '../../rpc/subscription.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import { HELD_BYTES_MAX, REQUEST_BYTES_MAX, type Backlog, type Wanted } from '../backlog.ts';
import { sendDeadLetters } from './dead-letters.ts';
import { Lanes, type Lane, type TopicMessage } from './lanes.ts';
import { PartitionReader } from './partition-reader.ts';
import { ProgressStore } from './progress-store.ts';
import { startOf } from './start-positions.ts';

const TASK = 'pushes';

/** When the object looks at all partitions again while something waits, in ms: it may have lost what it held. */
const SAFETY_MS = 30_000;

/** A next attempt that is further away wakes the object by the alarm, in ms: a timer would keep it in memory. */
const TIMER_MS_MAX = 5_000;

/** Records of a partition below which more are read. */
const READ_AHEAD = 500;

/** How long settled records wait for others before their progress is stored, in ms. */
const GATHER_MS = 20;

export interface TopicBacklogHost {
  readonly context: ObjectContext;
  definition(): SubscriptionDefinition | null;
  pump(): void;
  wanted(): Wanted;
  /** Requests are under way. */
  isPushing(): boolean;
}

export class TopicBacklog implements Backlog<TopicMessage> {
  readonly #host: TopicBacklogHost;
  readonly store: ProgressStore;
  readonly lanes: Lanes;
  readonly #letters: RetryTask;
  /** Null: the source is no topic. */
  reader: PartitionReader | null = null;
  /** Until when it rests, in ms; null: until it is resumed. */
  #restMs: number | null = 0;
  /** The lanes of all partitions are known. */
  #isLoaded = false;
  #storing: Promise<void> | null = null;
  /** Not stored yet. */
  #dead: { queue: string; record: LogRecord }[] = [];
  /** The lane that is looked at first. */
  #turn = 0;

  constructor(host: TopicBacklogHost) {
    this.#host = host;
    const { context } = host;
    this.store = new ProgressStore(context.sql);
    this.lanes = new Lanes({
      context,
      store: this.store,
      reader: () => this.reader,
      wanted: () => host.wanted(),
      senderName: () => {
        const { namespace, name, id } = host.definition()!;
        return `subscription ${namespace}/${name}#${id}`;
      },
      pump: () => host.pump(),
      moved: () => this.#storeSoon(),
    });
    context.alarm.register(TASK, (nowMs) => this.#due(nowMs));
    this.#letters = new RetryTask(context, 'dead-letters', {
      label: () => `dead letters of subscription ${host.definition()?.name ?? ''}`,
      hasWork: () => host.definition() !== null && this.store.nextLetters() !== null,
      send: () => sendDeadLetters(context.env, this.store, () => host.definition()),
    });
  }

  get held(): number {
    return this.lanes.held;
  }

  get heldBytes(): number {
    return this.lanes.heldBytes;
  }

  get filtered(): number {
    return this.lanes.filtered;
  }

  /** All that memory knows of how far it has come is stored. */
  get isStored(): boolean {
    return this.#dead.length === 0 && this.lanes.all.every(({ progress }) => !progress.isChanged);
  }

  /** The object has woken: it knows its definition, and reads nothing before it is told to. */
  open(): void {
    const { topic, id } = this.#host.definition() ?? {};
    this.reader = topic && id !== undefined ? new PartitionReader(this.#host.context.env, id, topic) : null;
    this.#letters.wake();
  }

  /** The definition was made or has changed. Resolves when it is known where the subscription begins. */
  async configure(): Promise<void> {
    const { topic, config } = this.#host.definition() ?? {};
    if (!topic || topic.id !== this.reader?.topic.id) {
      this.lanes.forgetAll();
      this.open();
    }
    const { reader } = this;
    if (topic && reader && topic.version > reader.topic.version) reader.topic = topic; // it may have more partitions
    if (!topic || !reader || !config || !('topic' in config.source)) return;
    if (this.store.topicId() !== topic.id) {
      const positions = await startOf(reader, config.source.from);
      if (reader !== this.reader || positions === null) return;
      if (this.store.topicId() !== topic.id) {
        this.lanes.forgetAll();
        this.store.begin(topic.id, topic.config.partitions, positions);
      } // else it was told twice, and has begun: a later position would pass over records
    }
    this.resume();
  }

  /** A partition has records that may not have been read. @returns whether all were */
  wake({ topicId, version, partition, endOffset }: PartitionWake): 'told' | 'at end' {
    const { reader } = this;
    if (reader?.topic.id !== topicId || !this.#isBegun()) return 'told'; // it reads another topic, or reads all of it soon
    reader.topic.version = Math.max(reader.topic.version, version);
    const lane = this.lanes.of(partition);
    if (lane.progress.nextRead >= endOffset && lane.progress.size === 0) {
      lane.isAtEnd ||= !lane.isReading;
      return 'at end';
    }
    lane.wakes += 1;
    lane.isAtEnd = false;
    this.#arm();
    this.#host.pump();
    return 'told';
  }

  /** The alarm has woken the object: what it held is lost. */
  recover(): void {
    if (!this.#isLoaded) this.resume();
  }

  /** The watchdog has come by: a partition may have ended before it told of its records. */
  lookAgain(): void {
    for (const lane of this.lanes.all) lane.isAtEnd = false;
    this.resume();
  }

  /** Reads all partitions that are not known to have nothing. */
  resume(): void {
    const { reader } = this;
    if (!reader || !this.#isBegun()) return;
    this.#isLoaded = true;
    for (let partition = 0; partition < reader.topic.config.partitions; partition++) this.lanes.of(partition);
    if (this.lanes.hasWork) this.#arm();
    this.#host.pump();
  }

  next(config: SubscriptionConfig, nowMs: number): TopicMessage[] | { waitMs: number } | null {
    if (!this.#isBegun()) return null;
    this.#restMs = 0;
    const max = batchMax(config);
    this.lanes.fill(Math.max(READ_AHEAD, 2 * max));
    const order = isInOrder(config) ? 'partition' : 'key'; // also for the numbers by which a queue knows messages
    const lanes = this.lanes.all;
    let wakeMs = Infinity;
    for (let index = 0; index < lanes.length; index++) {
      const lane = lanes[(this.#turn + index) % lanes.length]!;
      const next = lane.progress.next({ order, messages: max, bytes: REQUEST_BYTES_MAX }, nowMs);
      const [first] = next.unit;
      const isShort = next.unit.length < max && config.batch_wait_ms > 0;
      const dueMs = first
        ? isShort
          ? first.arrivedMs + config.batch_wait_ms
          : 0
        : (next.wakeMs ?? Infinity);
      if (first && dueMs <= nowMs) {
        this.#turn = (this.#turn + index + 1) % lanes.length;
        lane.progress.take(next.unit);
        return next.unit.map((message) => ({ ...message, attempt: attemptOf(message) }));
      }
      if (!first && dueMs < Infinity) this.#spare(lane, dueMs);
      wakeMs = Math.min(wakeMs, dueMs);
    }
    if (wakeMs === Infinity) return null;
    if (wakeMs - nowMs <= TIMER_MS_MAX) return { waitMs: wakeMs - nowMs };
    this.#host.context.alarm.scheduleEarlier(TASK, wakeMs);
    return null;
  }

  mayStillPush(_config: SubscriptionConfig, messages: readonly TopicMessage[]): boolean {
    return messages.every(({ lane }) => this.lanes.isCurrent(lane));
  }

  settle(messages: readonly TopicMessage[]): void {
    for (const [lane, own] of byLane(messages)) lane.progress.settle(offsetsOf(own));
    this.#storeSoon();
  }

  release(messages: readonly TopicMessage[]): void {
    for (const [lane, own] of byLane(messages)) lane.progress.release(offsetsOf(own));
  }

  fail(messages: readonly TopicMessage[], failure: PushFailure): void {
    const definition = this.#host.definition();
    const source = definition?.config.source;
    if (!definition || !source || !('topic' in source)) return this.release(messages);
    const { name: subscription } = definition;
    const nowMs = this.#host.context.now();
    const random = Math.random();
    const delayOf = (attempts: number): number | null => {
      const delayMs = retryDelay(source.retry, attempts, random);
      return delayMs === null ? null : (failure.delayMs ?? delayMs);
    };
    const queue = source.dead_letter === 'none' ? null : source.dead_letter.queue;
    for (const [lane, own] of byLane(messages)) {
      const dead = lane.progress.fail(offsetsOf(own), nowMs, delayOf);
      const records = new Map(own.map(({ offset, record }) => [offset, record]));
      const origin = { subscription, topic: source.topic, partition: lane.partition };
      for (const { offset, attempts } of queue !== null && this.lanes.isCurrent(lane) ? dead : []) {
        const record = pushDeadLetter(records.get(offset)!, origin, attempts, failure, nowMs);
        this.#dead.push({ queue: queue!, record });
      }
      lane.progress.settle(dead.map(({ offset }) => offset));
    }
    this.#storeSoon();
  }

  rest(untilMs: number | null): void {
    if (!this.reader) return;
    const { alarm } = this.#host.context;
    this.#restMs = untilMs;
    for (const lane of this.lanes.all) {
      if (lane.progress.size > 0 || untilMs === null) lane.isAtEnd = false;
      lane.progress.dropRead();
    }
    if (untilMs === null) alarm.schedule(TASK, null);
    else if (this.lanes.hasWork) alarm.schedule(TASK, untilMs);
  }

  async done(): Promise<void> {
    await this.#storing;
  }

  cancel(): void {
    this.#host.context.alarm.schedule(TASK, null);
    this.#letters.cancel();
    this.lanes.forgetAll();
    this.reader = null;
  }

  /** Moves a subscription to other positions. What is under way is settled nowhere. */
  seek(positions: ReadonlyMap<number, number>): void {
    const sought = [...positions].map(([partition, position]): [number, StoredProgress] => {
      const { seeks = 0 } = this.lanes.storedOf(partition);
      return [partition, { position, seeks: seeks + 1 }];
    });
    this.store.write(new Map(sought));
    for (const partition of positions.keys()) this.lanes.forget(partition);
    this.resume();
  }

  /** The subscription knows where it began in the topic. */
  #isBegun(): boolean {
    return this.reader !== null && this.store.topicId() === this.reader.topic.id;
  }

  #arm(): void {
    const { alarm, now } = this.#host.context;
    if (!alarm.isScheduled(TASK)) alarm.schedule(TASK, now() + SAFETY_MS);
  }

  #due(nowMs: number): number | null {
    if (this.#restMs === null || !this.reader) return null;
    if (this.#restMs > nowMs) return this.#restMs;
    this.#storeSoon();
    this.#host.context.waitUntil(Promise.resolve().then(() => this.resume()));
    return this.lanes.hasWork || !this.#isLoaded ? nowMs + SAFETY_MS : null;
  }

  /** What waits long for its next attempt is read again then, if memory is short. */
  #spare(lane: Lane, dueMs: number): void {
    if (this.heldBytes < HELD_BYTES_MAX / 2 || lane.progress.isBusy) return;
    lane.progress.dropRead();
    lane.isAtEnd = false;
    lane.readsFromMs = dueMs;
  }

  #storeSoon(): void {
    this.#storing ??= this.#storeGathered();
    this.#host.context.waitUntil(this.#storing);
  }

  /** Never rejects. What cannot be stored is pushed again, should the object end. */
  async #storeGathered(): Promise<void> {
    await Promise.resolve(); // what ends in the same turn goes together
    if (this.#host.isPushing()) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    this.#storing = null;
    try {
      this.#store();
    } catch (error) {
      console.error(`the progress of subscription ${this.#host.definition()?.name} was not stored`, error);
      this.#arm();
    }
  }

  #store(): void {
    if (!this.#isBegun()) return;
    const changed = this.lanes.all.filter(({ progress }) => progress.isChanged);
    const progress = new Map<number, StoredProgress>(
      changed.map((lane) => [lane.partition, lane.progress.toStored()]),
    );
    const letters = Map.groupBy(this.#dead, ({ queue }) => queue);
    if (progress.size === 0 && letters.size === 0) return;
    this.store.write(progress, letters);
    this.#dead = [];
    for (const lane of changed) lane.progress.isChanged = false;
    if (letters.size > 0) this.#letters.wake();
  }
}

function byLane(messages: readonly TopicMessage[]): Map<Lane, TopicMessage[]> {
  return Map.groupBy(messages, ({ lane }) => lane);
}

const offsetsOf = (messages: readonly TopicMessage[]): number[] => messages.map(({ offset }) => offset);

const attemptOf = ({ lane, offset }: TopicMessage): number =>
  (lane.progress.attemptsOf(offset)?.attempts ?? 0) + 1;
