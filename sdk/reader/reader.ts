/** The reader: the class that applications use to read a topic without a group. */

import type { Transport } from '../client/transport.ts';
import { checkName } from '../client/names.ts';
import type { Topics } from '../admin/topics.ts';
import { readerConfig, type ReaderConfig, type ReaderOptions } from './options.ts';
import type { ReceivedRecord } from './received-record.ts';
import { ReaderRun } from './reader-run.ts';

/**
 * Reads a topic: records of one partition in order, those of several partitions as they come. Each loop begins at `from`
 * anew. While records are handled, the next are fetched, one fetch ahead for each partition.
 *
 * Leaving the loop (`break`, `return`, an exception) cancels requests under way. The loop throws a `PosthornError`:
 * `topic_not_found`, `partition_not_found`, `offset_below_start` and `offset_past_end` (see `onOutOfRange`), `aborted`,
 * and failures that last longer than `giveUpMs`.
 *
 * @example
 * for await (const record of posthorn.reader('orders', { from: { timestampMs: Date.now() - 3_600_000 } })) {
 *   console.log(record.partition, record.offset, record.keyText, record.json());
 * }
 */
export class Reader implements AsyncIterable<ReceivedRecord> {
  readonly #transport: Transport;
  readonly #topics: Topics;
  readonly #topic: string;
  readonly #config: ReaderConfig;
  readonly #runs = new Set<ReaderRun>();

  /** Made by `Posthorn`. */
  constructor(transport: Transport, topics: Topics, topic: string, options: ReaderOptions) {
    this.#transport = transport;
    this.#topics = topics;
    this.#topic = checkName('topic', topic);
    this.#config = readerConfig(options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedRecord> {
    return new RecordIterator(this.#start());
  }

  /**
   * Returns the same records in batches, with less work for each record. A batch has at least one record, and all of
   * one partition.
   *
   * @example for await (const records of posthorn.reader('orders').batches()) await store(records);
   */
  batches(): AsyncIterable<ReceivedRecord[]> {
    return { [Symbol.asyncIterator]: () => new BatchIterator(this.#start()) };
  }

  /** Ends the loops over this reader, without an error. Records that were fetched and not handled are dropped. */
  close(): void {
    for (const run of this.#runs) run.stop();
  }

  #start(): ReaderRun {
    const run = new ReaderRun(this.#transport, this.#topics, this.#topic, this.#config, () =>
      this.#runs.delete(run),
    );
    this.#runs.add(run);
    return run;
  }
}

/** Of bodies that come from the bucket, in one batch that has more than one record. */
const OPENED_BYTES_MAX = 16 * 1024 * 1024;

class BatchIterator implements AsyncIterableIterator<ReceivedRecord[]> {
  readonly #run: ReaderRun;
  #rest: ReceivedRecord[] = [];

  constructor(run: ReaderRun) {
    this.#run = run;
  }

  async next(): Promise<IteratorResult<ReceivedRecord[]>> {
    const records = this.#rest.length > 0 ? this.#rest : await this.#run.next();
    if (records === null) return { done: true, value: undefined };
    const end = await this.#openSome(records);
    this.#rest = end < records.length ? records.slice(end) : [];
    return { done: false, value: end < records.length ? records.slice(0, end) : records };
  }

  /** Opens records until their bodies are many bytes. Returns how many records make a batch. */
  async #openSome(records: readonly ReceivedRecord[]): Promise<number> {
    let bytes = 0;
    for (const [index, record] of records.entries()) {
      if (!this.#run.isClosed(record)) continue;
      bytes += record.claim!.bytes;
      if (bytes > OPENED_BYTES_MAX && index > 0) return index;
      await this.#run.open(record);
    }
    return records.length;
  }

  async return(): Promise<IteratorResult<ReceivedRecord[]>> {
    this.#run.stop();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Written by hand: with a generator, `yield*` would cost each record three times as much. */
class RecordIterator implements AsyncIterableIterator<ReceivedRecord> {
  readonly #run: ReaderRun;
  #records: ReceivedRecord[] = [];
  #next = 0;

  constructor(run: ReaderRun) {
    this.#run = run;
  }

  next(): Promise<IteratorResult<ReceivedRecord>> {
    if (this.#next < this.#records.length && !this.#run.isOver) {
      return this.#handOut(this.#records[this.#next++]!);
    }
    return this.#refill();
  }

  #handOut(record: ReceivedRecord): Promise<IteratorResult<ReceivedRecord>> {
    if (!this.#run.isClosed(record)) return Promise.resolve({ done: false, value: record });
    return this.#run.open(record).then((value) => ({ done: false, value }));
  }

  async #refill(): Promise<IteratorResult<ReceivedRecord>> {
    const records = await this.#run.next();
    if (records === null) return { done: true, value: undefined };
    this.#records = records;
    this.#next = 1;
    return await this.#handOut(records[0]!);
  }

  async return(): Promise<IteratorResult<ReceivedRecord>> {
    this.#run.stop();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
