/** Batch of a producer: records of one partition that are sent together, and the partition's line of batches. */

import {
  BATCH_OVERHEAD,
  encodeBatch,
  gzipBatch,
  setProducer,
  type EncodeOptions,
} from '../../protocol/record-batch/index.ts';
import type { PosthornError } from '../errors.ts';
import { SharedSink, type Pending, type Receipt } from './pending.ts';
import type { BatchProducer, SequencedBatch } from './sequences.ts';

export class Batch implements SequencedBatch {
  readonly partition: number;
  readonly records: Pending[] = [];
  /** An upper bound. */
  sizeBytes = BATCH_OVERHEAD;
  /** What its records count in the producer's memory. */
  heldBytes = 0;
  /** No attempt begins after this; in ms of `performance.now()`. */
  readonly deadlineMs: number;
  /** Its time to wait for company is over: it goes as soon as its partition is free. */
  isDue = false;
  /** All its records might as well have gone to another partition. */
  isFree = true;
  /** Attempts that failed. */
  failures = 0;
  /** How often its records have been refused and put into new batches. */
  readonly regroupings: number;
  /** Resolves when each of its records is stored or given up. */
  readonly ended = Promise.withResolvers<unknown>();
  producer: BatchProducer | null = null;
  #encoded: Uint8Array | undefined;
  #sink: SharedSink | null = null;

  constructor(partition: number, deadlineMs: number, regroupings: number) {
    this.partition = partition;
    this.deadlineMs = deadlineMs;
    this.regroupings = regroupings;
  }

  add(record: Pending): void {
    if (record.sink === null) (this.#sink ??= new SharedSink()).join(record);
    this.records.push(record);
    this.sizeBytes += record.sizeBytes;
    this.heldBytes += record.heldBytes;
  }

  get count(): number {
    return this.records.length;
  }

  identify(producer: BatchProducer): void {
    this.producer = producer;
    if (this.#encoded !== undefined) setProducer(this.#encoded, 0, producer);
  }

  /** Encoded once: what is tried again is the same bytes. */
  plain(): Uint8Array {
    this.#encoded ??= this.#encode();
    return this.#encoded;
  }

  /** Small batches and noise grow under gzip and go as they are. */
  async gzip(): Promise<Uint8Array> {
    if (this.#encoded === undefined) {
      const plain = this.#encode();
      const zipped = await gzipBatch(plain);
      this.#encoded = zipped.length < plain.length ? zipped : plain;
    }
    return this.#encoded;
  }

  /** @param baseOffset -1 if the broker promised nothing */
  store(baseOffset: number, appendTime: number | null): void {
    const { partition, records } = this;
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!;
      const offset = baseOffset < 0 ? -1 : baseOffset + i;
      const receipt: Receipt = { partition, offset, timestamp: appendTime ?? record.timestamp };
      record.sink!.stored(record.index, receipt);
    }
    this.#end();
  }

  #encode(): Uint8Array {
    return encodeBatch(this.records, producerOptions(this.producer));
  }

  fail(error: PosthornError): void {
    for (const record of this.records) record.sink!.failed(record.index, error);
    this.#end();
  }

  /** Who waits for a flush hears of it after those who wait for a record. */
  #end(): void {
    this.ended.resolve(this.#sink?.told);
  }
}

/** What the header of a batch says of its producer. */
export function producerOptions(producer: BatchProducer | null): EncodeOptions {
  if (producer === null) return {};
  const { id, epoch, sequence, isTransactional } = producer;
  return { producerId: id, producerEpoch: epoch, baseSequence: sequence, isTransactional };
}

export interface PartitionLine {
  readonly partition: number;
  /** Closed batches, the next to go first. */
  readonly closed: Batch[];
  /** The batch that takes records. */
  open: Batch | null;
  /** The batch that is on its way or waits to be tried again; nothing may overtake it. */
  underWay: Batch | null;
}
