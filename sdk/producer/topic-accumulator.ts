/**
 * Topic accumulator: what a producer holds for one topic. A line of batches for each partition, and records that wait
 * for metadata.
 */

import { RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import { partitionForKey } from '../../protocol/murmur2.ts';
import { BATCH_OVERHEAD } from '../../protocol/record-batch/index.ts';
import { PosthornError } from '../errors.ts';
import type { Channel } from '../client/channel.ts';
import { atEndOfTurn } from '../client/end-of-turn.ts';
import { GATHER_MS_MAX } from '../client/gathering.ts';
import type { Topic } from '../admin/topic-types.ts';
import { Batch, type PartitionLine } from './batch.ts';
import type { Pending } from './pending.ts';

export interface LineSettings {
  batchBytes: number;
  deliveryTimeoutMs: number;
}

export class TopicAccumulator {
  readonly name: string;
  readonly channel: Channel;
  readonly #settings: LineSettings;
  /** Null until loaded. */
  topic: Topic | null = null;
  loadedAtMs = 0;
  /** The load under way. */
  loading: Promise<PosthornError | null> | null = null;
  /** In order. While there are any, new records line up behind them. */
  waiting: Pending[] = [];
  /** Every batch that is neither stored nor given up. */
  readonly live = new Set<Batch>();
  /** Lines with a batch that could go now, the longest waiting first. */
  readonly #sendable = new Set<PartitionLine>();
  readonly #lines = new Map<number, PartitionLine>();
  /** Where records without a key go until the batch goes. */
  #sticky: PartitionLine | null = null;
  /** Lines with an open batch. */
  readonly #open = new Set<PartitionLine>();
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;
  #lingers = false;
  /** Batches under way whose records might go to any partition: the next of this kind gathers meanwhile. */
  #freeUnderWay = 0;
  #gatherTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string, channel: Channel, settings: LineSettings) {
    this.name = name;
    this.channel = channel;
    this.#settings = settings;
  }

  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  get isLingering(): boolean {
    return this.#lingers;
  }

  get hasSendable(): boolean {
    return this.#sendable.size > 0;
  }

  /**
   * Puts a record into the batch of its partition. The metadata is loaded.
   *
   * @returns why not; `partition_not_found` may only mean that the metadata is old
   */
  add(record: Pending, regroupings = 0): PosthornError | null {
    const topic = this.topic!;
    const refused = refusal(record, topic);
    if (refused !== null) return refused;
    const line = this.#lineFor(record, topic.partitions);
    const bytesMax = Math.min(this.#settings.batchBytes, topic.maxBatchBytes);
    if (line.open !== null && line.open.sizeBytes + record.sizeBytes > bytesMax) this.#close(line);
    if (line.open === null) {
      const deadlineMs = performance.now() + this.#settings.deliveryTimeoutMs;
      line.open = new Batch(line.partition, deadlineMs, regroupings);
      this.live.add(line.open);
      this.#open.add(line);
    }
    if (!isFree(record)) line.open.isFree = false;
    line.open.add(record);
    if (line.open.sizeBytes >= bytesMax) this.#close(line);
    return null;
  }

  /** Open batches become due after `ms`; then `ended` is called. With 0, at the end of the turn. */
  linger(ms: number, ended: () => void): void {
    this.#lingers = true;
    const end = (): void => {
      if (!this.#lingers) return;
      if (ms === 0) this.#endTurn(ended);
      else this.makeDue();
      ended();
    };
    if (ms === 0) atEndOfTurn(end);
    else this.#lingerTimer = setTimeout(end, ms);
  }

  /** What waits for company waits no longer. */
  makeDue(): void {
    this.#endLinger();
    for (const line of this.#open) this.#makeLineDue(line);
  }

  /** As `makeDue`, but what may go to any partition gathers while others like it are under way. */
  #endTurn(ended: () => void): void {
    this.#lingers = false;
    for (const line of this.#open) {
      const gathers = line.open!.isFree && line.underWay === null && this.#freeUnderWay > 0;
      if (!gathers) this.#makeLineDue(line);
      else if (this.#gatherTimer === undefined) {
        this.#gatherTimer = setTimeout(() => {
          this.makeDue();
          ended();
        }, GATHER_MS_MAX);
      }
    }
  }

  #makeLineDue(line: PartitionLine): void {
    line.open!.isDue = true;
    this.#offer(line);
  }

  /** For each line that can send, its next batch, until they have `bytesMax` together; at least one. Marks them busy. */
  take(bytesMax: number): Batch[] {
    const batches: Batch[] = [];
    let bytes = 0;
    for (const line of this.#sendable) {
      const next = line.closed[0] ?? line.open!;
      bytes += next.sizeBytes;
      if (bytes > bytesMax && batches.length > 0) break;
      if (line.closed.length === 0) this.#close(line);
      line.closed.shift();
      line.underWay = next;
      if (next.isFree) this.#freeUnderWay++;
      this.#sendable.delete(line);
      batches.push(next);
    }
    return batches;
  }

  /** The partition has nothing on its way any more; `again` goes first. */
  release(partition: number, again: Batch | null): void {
    const line = this.#lines.get(partition)!;
    if (line.underWay?.isFree === true && --this.#freeUnderWay === 0) this.#endGathering();
    line.underWay = null;
    if (again) line.closed.unshift(again);
    this.#offer(line);
  }

  /** Empties the line of a partition: all its batches that are not on their way, in order. */
  drain(partition: number): Batch[] {
    const line = this.#lines.get(partition)!;
    if (line.open !== null) this.#close(line);
    this.#sendable.delete(line);
    return line.closed.splice(0);
  }

  /** Every batch that is not on its way. */
  drainAll(): Batch[] {
    return [...this.#lines.keys()].flatMap((partition) => this.drain(partition));
  }

  /** The batch is stored or given up. If it was the last, no timer keeps the process alive. */
  complete(batch: Batch): void {
    this.live.delete(batch);
    if (this.live.size === 0) this.#endLinger();
  }

  /** Nothing that may go to any partition is under way: what has gathered goes. */
  #endGathering(): void {
    if (this.#gatherTimer === undefined) return;
    this.#stopGathering();
    for (const line of this.#open) if (line.open!.isFree) this.#makeLineDue(line);
  }

  #endLinger(): void {
    this.#lingers = false;
    clearTimeout(this.#lingerTimer);
    this.#stopGathering();
  }

  #stopGathering(): void {
    clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
  }

  #offer(line: PartitionLine): void {
    if (line.underWay === null && (line.closed.length > 0 || line.open?.isDue === true))
      this.#sendable.add(line);
  }

  #close(line: PartitionLine): void {
    line.closed.push(line.open!);
    line.open = null;
    this.#open.delete(line);
    if (this.#sticky === line) this.#sticky = null;
    this.#offer(line);
  }

  #lineFor(record: Pending, partitions: number): PartitionLine {
    if (record.wantedPartition >= 0) return this.#line(record.wantedPartition);
    if (record.key !== null) return this.#line(partitionForKey(record.key, partitions));
    return (this.#sticky ??= this.#pickSticky(partitions));
  }

  /** A partition with nothing to do, from a random one on; any if all have. */
  #pickSticky(partitions: number): PartitionLine {
    const first = Math.floor(Math.random() * partitions);
    for (let i = 0; i < partitions; i++) {
      const line = this.#line((first + i) % partitions);
      if (line.underWay === null && line.closed.length === 0) return line;
    }
    return this.#line(first);
  }

  #line(partition: number): PartitionLine {
    let line = this.#lines.get(partition);
    if (line === undefined) {
      line = { partition, closed: [], open: null, underWay: null };
      this.#lines.set(partition, line);
    }
    return line;
  }
}

/** The producer chooses its partition. */
function isFree({ wantedPartition, key }: Pending): boolean {
  return wantedPartition < 0 && key === null;
}

function refusal(record: Pending, topic: Topic): PosthornError | null {
  const bytesMax = Math.min(RECORD_BYTES_MAX, topic.maxBatchBytes - BATCH_OVERHEAD);
  if (record.sizeBytes > bytesMax) {
    return new PosthornError(
      'record_too_large',
      `the record has about ${record.sizeBytes} bytes; topic "${topic.topic}" takes ${bytesMax}`,
      { details: { bytes_max: bytesMax } },
    );
  }
  if (record.key === null && topic.cleanupPolicy !== 'delete') {
    return new PosthornError(
      'key_required',
      `topic "${topic.topic}" is compacted: a record without a key could never be removed`,
    );
  }
  if (record.wantedPartition >= topic.partitions) {
    return new PosthornError(
      'partition_not_found',
      `topic "${topic.topic}" has no partition ${record.wantedPartition}; it has ${topic.partitions}, numbered from 0`,
      { details: { partitions: topic.partitions } },
    );
  }
  return null;
}
