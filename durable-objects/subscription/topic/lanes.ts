/** Lanes: what a subscription holds of each partition of its topic, and the reads that fill it. */

import {
  PartitionProgress,
  type PartitionEntry,
  type StoredProgress,
} from '../../../core/subscription/partition-progress.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import { HELD_BYTES_MAX, type Wanted } from '../backlog.ts';
import { bytesOf, placeOf, type PushMessage } from '../push-message.ts';
import type { PartitionRead, PartitionReader } from './partition-reader.ts';
import type { ProgressStore } from './progress-store.ts';

/** Reads at the same time. */
const READS_MAX = 6;

/** Before a partition that did not answer is read again, in ms: twice as long each time. */
const READ_RETRY_MS = 500;

/** A longer time is left to the alarm: a timer would keep the object in memory. In ms. */
const TIMER_MS_MAX = 5_000;

export interface TopicMessage extends PushMessage, PartitionEntry {
  readonly lane: Lane;
}

export interface Lane {
  readonly partition: number;
  readonly progress: PartitionProgress<TopicMessage>;
  /** All that the partition has was read. */
  isAtEnd: boolean;
  isReading: boolean;
  /** Grows with each word of the partition: what a read says of the end may be older. */
  wakes: number;
  /** Nothing is read before, in ms. */
  readsFromMs: number;
  /** Reads that failed one after another. */
  failures: number;
}

export interface LanesHost {
  readonly context: Pick<ObjectContext, 'now' | 'waitUntil'>;
  readonly store: ProgressStore;
  /** Null: the source is no topic. */
  reader(): PartitionReader | null;
  wanted(): Wanted;
  /** Names the subscription to queues that take messages of many. */
  senderName(): string;
  /** Records were read, or may be read again. */
  pump(): void;
  /** The progress has moved without a push. */
  moved(): void;
}

const keys = new TextDecoder('latin1');

export class Lanes {
  readonly #host: LanesHost;
  readonly #lanes = new Map<number, Lane>();
  #reads = 0;
  /** Records that the filter has passed over. */
  filtered = 0;

  constructor(host: LanesHost) {
    this.#host = host;
  }

  get all(): readonly Lane[] {
    return [...this.#lanes.values()];
  }

  get held(): number {
    return this.all.reduce((sum, { progress }) => sum + progress.size, 0);
  }

  get heldBytes(): number {
    return this.all.reduce((sum, { progress }) => sum + progress.bytes, 0);
  }

  /** Something is held, or may be read. */
  get hasWork(): boolean {
    return this.all.some(({ progress, isAtEnd, isReading }) => progress.size > 0 || !isAtEnd || isReading);
  }

  /** The lane of a partition, with the progress that is stored. */
  of(partition: number): Lane {
    let lane = this.#lanes.get(partition);
    if (!lane) {
      const stored = this.#host.store.get(partition) ?? { position: 0 };
      const progress = new PartitionProgress<TopicMessage>(stored);
      lane = {
        partition,
        progress,
        isAtEnd: false,
        isReading: false,
        wakes: 0,
        readsFromMs: 0,
        failures: 0,
      };
      this.#lanes.set(partition, lane);
    }
    return lane;
  }

  /** The progress in a partition as it is now, whether it was read or not. */
  storedOf(partition: number): StoredProgress {
    const lane = this.#lanes.get(partition);
    return lane?.progress.toStored() ?? this.#host.store.get(partition) ?? { position: 0 };
  }

  isCurrent(lane: Lane): boolean {
    return this.#lanes.get(lane.partition) === lane;
  }

  /** What is under way of a forgotten lane is settled nowhere. */
  forget(partition: number): void {
    this.#lanes.delete(partition);
  }

  forgetAll(): void {
    this.#lanes.clear();
  }

  /** Reads the partitions of which little is held. */
  fill(readAhead: number): void {
    const nowMs = this.#host.context.now();
    if (this.#reads >= READS_MAX || this.heldBytes > HELD_BYTES_MAX) return;
    for (const lane of this.#lanes.values()) {
      if (this.#reads >= READS_MAX) return;
      if (lane.isAtEnd || lane.isReading || lane.readsFromMs > nowMs || lane.progress.size >= readAhead)
        continue;
      lane.isReading = true;
      this.#reads += 1;
      this.#host.context.waitUntil(this.#read(lane));
    }
  }

  /** Never rejects. */
  async #read(lane: Lane): Promise<void> {
    const reader = this.#host.reader();
    const { wakes, partition, progress } = lane;
    const from = progress.nextRead;
    let read: PartitionRead | null = null;
    try {
      if (reader) read = await reader.read(partition, from);
    } catch (error) {
      console.error(`partition ${partition} of a subscription's topic could not be read`, error);
    }
    this.#reads -= 1;
    lane.isReading = false;
    if (!reader || reader !== this.#host.reader() || !this.isCurrent(lane)) return;
    if (read === null) return this.#retry(lane);
    lane.failures = 0;
    if (progress.nextRead === from) this.#take(lane, reader, read, wakes);
    this.#host.pump();
  }

  #take(lane: Lane, reader: PartitionReader, read: PartitionRead, wakes: number): void {
    const { progress, partition } = lane;
    if (read.kind === 'gone') lane.isAtEnd = true; // the topology pauses the subscription
    if (read.kind === 'outside') {
      progress.advanceTo(read.logStartOffset);
      lane.isAtEnd = progress.nextRead >= read.endOffset;
    }
    if (read.kind === 'read') {
      const { records, nextOffset, endOffset, damage } = read;
      if (damage !== null) console.error(`topic ${reader.topic.name} partition ${partition}: ${damage}`);
      const wanted = records.filter(this.#host.wanted());
      this.filtered += records.length - wanted.length;
      progress.add(this.#messagesOf(lane, reader, wanted), nextOffset);
      lane.isAtEnd = lane.wakes === wakes && nextOffset >= endOffset;
    }
    if (progress.isChanged) this.#host.moved();
  }

  #messagesOf(lane: Lane, { topic }: PartitionReader, records: readonly LogRecord[]): TopicMessage[] {
    const { partition } = lane;
    const place = `msg_${placeOf(topic.namespace, topic.name)}_${topic.id.toString(36)}-${partition.toString(36)}`;
    const origin = { kind: 'topic', name: topic.name, partition } as const;
    const by = `${this.#host.senderName()} ${topic.name}#${topic.id}/${partition} ${lane.progress.seeks}`;
    const arrivedMs = this.#host.context.now();
    return records.map((record) => ({
      id: `${place}-${record.offset.toString(36)}`,
      origin,
      record,
      attempt: 1,
      bytes: bytesOf(record),
      offset: record.offset,
      numbered: { by, number: record.offset },
      key: record.key && keys.decode(record.key),
      arrivedMs,
      lane,
    }));
  }

  #retry(lane: Lane): void {
    const delayMs = READ_RETRY_MS * 2 ** Math.min(lane.failures++, 6);
    lane.readsFromMs = this.#host.context.now() + delayMs;
    if (delayMs <= TIMER_MS_MAX) setTimeout(() => this.#host.pump(), delayMs);
  }
}
