/** Pending record: a record on its way, and who waits for it. */

import {
  recordSizeUpperBound,
  type RecordHeader,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';
import { PosthornError } from '../errors.ts';
import {
  keyBytes,
  recordHeaders,
  timestampMs,
  valueBytes,
  type OutgoingRecord,
} from '../values/record-input.ts';
import { checkPartition } from '../client/names.ts';

/** Where a record was stored. */
export interface Receipt {
  partition: number;
  /** -1 with `acks: 'none'`. */
  offset: number;
  /** Milliseconds since 1970: the record's own, or the partition's if the topic stamps records. */
  timestamp: number;
}

/** Who waits: one for all records of a `sendBatch`, and one for all records of a batch that came by `send`. */
export interface Sink<Result = Receipt> {
  stored(index: number, result: Result): void;
  failed(index: number, error: PosthornError): void;
}

/** Memory that a record takes beside its bytes: objects, views, a promise. An estimate that errs high. */
export const RECORD_ALLOWANCE_BYTES = 256;

export class Pending implements RecordInput {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly timestamp: number;
  /** What the application asked for; -1 if it left the choice to the producer. */
  readonly wantedPartition: number;
  /** What it takes in a batch at most, in bytes. */
  readonly sizeBytes: number;
  /** Null until a batch has taken it, for a record that has no other. */
  sink: Sink | null;
  index: number;
  /** What `send` returns. */
  promise: Promise<Receipt> | null = null;

  /** @param sink null for a record that is sent alone */
  constructor(record: OutgoingRecord, sink: Sink | null, index: number, nowMs: number) {
    this.key = keyBytes(record.key);
    this.value = valueBytes(record.value);
    this.headers = recordHeaders(record.headers);
    this.timestamp = record.timestamp === undefined ? nowMs : timestampMs(record.timestamp, nowMs);
    this.wantedPartition = record.partition === undefined ? -1 : checkPartition(record.partition);
    this.sizeBytes = recordSizeUpperBound(this);
    this.sink = sink;
    this.index = index;
  }

  get heldBytes(): number {
    return this.sizeBytes + RECORD_ALLOWANCE_BYTES;
  }

  /** It waits for no batch: what becomes of it is its own. */
  waitAlone(): void {
    if (this.sink !== null) return;
    const sink = new SingleSink();
    this.sink = sink;
    this.promise = sink.promise;
  }
}

/**
 * Promises of the records of one batch that came by `send`. All of them wait for one promise and share one function, so a
 * record costs no closures, which were most of what the garbage collector had to do. Reactions to a promise run in the order
 * in which they were added, so the function knows whose turn it is. Records that are put into other batches later keep
 * this sink: it settles when it knows of all.
 */
export class SharedSink implements Sink {
  readonly #outcomes: (Receipt | PosthornError)[] = [];
  readonly #all = Promise.withResolvers<void>();
  #records = 0;
  #known = 0;
  #read = 0;

  /** Resolves when those who wait have been told. */
  get told(): Promise<void> {
    return this.#all.promise;
  }

  join(record: Pending): void {
    record.sink = this;
    record.index = this.#records++;
    record.promise = this.#all.promise.then(this.#next);
  }

  stored(index: number, receipt: Receipt): void {
    this.#note(index, receipt);
  }

  failed(index: number, error: PosthornError): void {
    this.#note(index, error);
  }

  #note(index: number, outcome: Receipt | PosthornError): void {
    this.#outcomes[index] = outcome;
    if (++this.#known === this.#records) this.#all.resolve();
  }

  readonly #next = (): Receipt => {
    const outcome = this.#outcomes[this.#read++]!;
    if (outcome instanceof PosthornError) throw outcome;
    return outcome;
  };
}

export class SingleSink<Result = Receipt> implements Sink<Result> {
  readonly promise: Promise<Result>;
  readonly #resolve: (result: Result) => void;
  readonly #reject: (error: PosthornError) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  stored(_index: number, result: Result): void {
    this.#resolve(result);
  }

  failed(_index: number, error: PosthornError): void {
    this.#reject(error);
  }
}

/** Ends when the last of its records has: with all receipts, or with the first failure and what was stored. */
export class BatchSink implements Sink {
  readonly promise: Promise<Receipt[]>;
  readonly #receipts: (Receipt | undefined)[];
  readonly #resolvers: PromiseWithResolvers<Receipt[]>;
  #left: number;
  #error: PosthornError | null = null;

  constructor(count: number) {
    this.#receipts = new Array<Receipt | undefined>(count).fill(undefined);
    this.#left = count;
    this.#resolvers = Promise.withResolvers();
    this.promise = this.#resolvers.promise;
    if (count === 0) this.#resolvers.resolve([]);
  }

  stored(index: number, receipt: Receipt): void {
    this.#receipts[index] = receipt;
    this.#countDown();
  }

  failed(_index: number, error: PosthornError): void {
    this.#error ??= error;
    this.#countDown();
  }

  #countDown(): void {
    if (--this.#left > 0) return;
    if (this.#error === null) return this.#resolvers.resolve(this.#receipts as Receipt[]);
    this.#resolvers.reject(this.#withReceipts(this.#error));
  }

  #withReceipts(error: PosthornError): PosthornError {
    const { code, message, retryable, status, details, cause } = error;
    const receipts = this.#receipts.map((receipt) => receipt ?? null);
    return new PosthornError(code, message, {
      retryable,
      cause,
      details: { ...details, receipts },
      ...(status !== undefined && { status }),
    });
  }
}
