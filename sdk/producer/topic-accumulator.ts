/**
 * Topic accumulator: what a producer holds for one topic. A line of batches for each partition, and records that wait
 * for metadata.
 */

import { RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import { partitionForKey } from '../../protocol/murmur2.ts';
import { BATCH_OVERHEAD } from '../../protocol/record-batch/index.ts';
import { PosthornError } from '../errors.ts';
import type { Topic } from '../admin/topic-types.ts';
import { Batch, type PartitionLine } from './batch.ts';
import type { Pending } from './pending.ts';

export interface LineSettings {
  batchBytes: number;
  deliveryTimeoutMs: number;
}

export class TopicAccumulator {
  readonly name: string;
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
  #openBatches = 0;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;
  #lingers = false;

  constructor(name: string, settings: LineSettings) {
    this.name = name;
    this.#settings = settings;
  }

  get hasOpen(): boolean {
    return this.#openBatches > 0;
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
      this.#openBatches++;
    }
    line.open.add(record);
    if (line.open.sizeBytes >= bytesMax) this.#close(line);
    return null;
  }

  /** Open batches become due after `ms`; then `ended` is called. With 0, when the code that runs now is done. */
  linger(ms: number, ended: () => void): void {
    this.#lingers = true;
    const end = (): void => {
      if (!this.#lingers) return;
      this.makeDue();
      ended();
    };
    if (ms === 0) queueMicrotask(end);
    else this.#lingerTimer = setTimeout(end, ms);
  }

  /** What waits for company waits no longer. */
  makeDue(): void {
    this.#endLinger();
    for (const line of this.#lines.values()) {
      if (line.open === null) continue;
      line.open.isDue = true;
      this.#offer(line);
    }
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
      line.isBusy = true;
      this.#sendable.delete(line);
      batches.push(next);
    }
    return batches;
  }

  /** The partition has nothing on its way any more; `again` goes first. */
  release(partition: number, again: Batch | null): void {
    const line = this.#lines.get(partition)!;
    line.isBusy = false;
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

  #endLinger(): void {
    this.#lingers = false;
    clearTimeout(this.#lingerTimer);
  }

  #offer(line: PartitionLine): void {
    if (!line.isBusy && (line.closed.length > 0 || line.open?.isDue === true)) this.#sendable.add(line);
  }

  #close(line: PartitionLine): void {
    line.closed.push(line.open!);
    line.open = null;
    this.#openBatches--;
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
      if (!line.isBusy && line.closed.length === 0) return line;
    }
    return this.#line(first);
  }

  #line(partition: number): PartitionLine {
    let line = this.#lines.get(partition);
    if (line === undefined) {
      line = { partition, closed: [], open: null, isBusy: false };
      this.#lines.set(partition, line);
    }
    return line;
  }
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
