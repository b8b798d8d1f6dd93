/** The producer: the class that applications use to send records. */

import type { Transport } from '../client/transport.ts';
import { abortedBy, invalidArgument, PosthornError } from '../errors.ts';
import { checkName } from '../client/names.ts';
import type { Tracing } from '../client/tracing.ts';
import { sendAllTraced, sendTraced } from '../tracing/send-traced.ts';
import type { Topics } from '../admin/topics.ts';
import type { RecordClaims } from './record-claims.ts';
import type { OutgoingRecord } from '../values/record-input.ts';
import { producerConfig, type ProducerConfig, type ProducerOptions } from './options.ts';
import { BatchSink, Pending, type Receipt, type Sink } from './pending.ts';
import { Sender } from './sender.ts';
import { makeProducer, Sequences } from './sequences.ts';

/**
 * Sends records in batches.
 *
 * After a temporary failure (no reply, 429, 503) the producer sends a record again until `deliveryTimeoutMs`. Within a
 * partition the order is that of `send`, also under retries. The broker stores a record once however often it was sent,
 * because it recognises each batch by its producer and sequence. This holds for the life of the producer. An
 * application that is started again, or that sends a record again after `timeout`, sends another record; a
 * transactional producer covers restarts.
 *
 * @example
 * await using producer = posthorn.producer();
 * const { partition, offset } = await producer.send('orders', { key: 'customer-7', value: { total: 12 } });
 */
export class Producer implements AsyncDisposable {
  readonly #sender: Sender;
  readonly #claims: RecordClaims | null;
  readonly #tracing: Tracing | undefined;
  #refusal: PosthornError | null = null;
  #closing: Promise<void> | null = null;
  readonly #signal: AbortSignal | undefined;

  /** Made by `Posthorn`. */
  constructor(
    transport: Transport,
    topics: Topics,
    options: ProducerOptions,
    sequences?: Sequences,
    claims?: (config: ProducerConfig) => RecordClaims,
  ) {
    const config = producerConfig(options);
    const own = config.idempotent ? new Sequences((signal) => makeProducer(transport, {}, signal)) : null;
    this.#sender = new Sender(transport, topics, config, sequences ?? own);
    this.#claims = claims?.(config) ?? null;
    this.#tracing = transport.config.tracing;
    this.#signal = config.signal;
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** What waits in memory, in bytes, with an allowance of 256 for each record. */
  get bufferedBytes(): number {
    return this.#sender.backlog.held;
  }

  /**
   * Sends one record. Resolves when it is stored.
   *
   * For speed, do not await each one: records that are under way together share batches.
   *
   * @example
   * for (const order of orders) {
   *   producer.send('orders', order).catch(report);
   *   await producer.ready();
   * }
   * await producer.flush();
   *
   * @throws PosthornError (the promise rejects) `invalid_argument`, `topic_not_found`, `partition_not_found`,
   *   `record_too_large`, `key_required`, `timeout`, `aborted`, `closed`, and other codes of the broker
   */
  send(topic: string, record: OutgoingRecord): Promise<Receipt> {
    return sendTraced(this.#tracing, { name: topic }, record, (traced) => this.#send(topic, traced));
  }

  /**
   * Sends many records with less work for each than `send`. Resolves when all are stored, with one receipt for each, in
   * order. It is not a transaction: some may be stored and others not.
   *
   * @throws PosthornError of the first that failed; `details.receipts` has what was stored, and null for what was not.
   *   After `invalid_argument` nothing was sent
   */
  async sendBatch(topic: string, records: readonly OutgoingRecord[]): Promise<Receipt[]> {
    return await sendAllTraced(this.#tracing, { name: topic }, records, (traced) =>
      this.#sendBatch(topic, traced),
    );
  }

  /**
   * Waits until less than `bufferBytes` are in memory. `send` itself never refuses when memory is full, so await this
   * or the sends in a loop.
   */
  ready(): Promise<void> {
    if (this.#claims?.isBusy) return this.#claims.settled().then(() => this.#sender.backlog.ready());
    return this.#sender.backlog.ready();
  }

  /** Sends waiting records at once. Resolves when everything sent before is stored or has failed. */
  async flush(): Promise<void> {
    if (this.#claims?.isBusy) await this.#claims.settled();
    await this.#sender.flush();
  }

  /** Flushes, and refuses further records with `closed`. */
  close(): Promise<void> {
    this.#refusal ??= new PosthornError('closed', 'the producer is closed');
    // Until all is sent the signal may still cut it short; after that a signal that lives on must not keep this in memory.
    this.#closing ??= this.flush().finally(() => {
      this.#signal?.removeEventListener('abort', this.#onAbort);
      this.#sender.close();
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send(topic: string, record: OutgoingRecord): Promise<Receipt> {
    try {
      this.#checkOpen();
      const pending = pendingOf(record, null, 0, Date.now());
      const { value: body, timestamp } = pending;
      const claims = this.#claims;
      if (claims?.isLarge(body) || claims?.hasLine(topic))
        return claims.inTurn(
          topic,
          () => claims.replace(topic, [{ ...record, timestamp }], [body]),
          ([ready]) => this.#sendNow(topic, pendingOf(ready!, null, 0, timestamp)),
        );
      return this.#sendNow(topic, pending);
    } catch (error) {
      return Promise.reject(error as PosthornError);
    }
  }

  #sendNow(topic: string, pending: Pending): Promise<Receipt> {
    try {
      if (this.#signal?.aborted) throw abortedBy(this.#signal);
      this.#sender.accept(topic, pending);
      return pending.promise!;
    } catch (error) {
      return Promise.reject(error as PosthornError);
    }
  }

  async #sendBatch(topic: string, records: readonly OutgoingRecord[]): Promise<Receipt[]> {
    this.#checkOpen();
    checkName('topic', topic);
    const sink = new BatchSink(records.length);
    const nowMs = Date.now();
    const pending = records.map((record, index) => {
      try {
        return pendingOf(record, sink, index, nowMs);
      } catch (error) {
        throw invalidArgument(`record ${index}: ${(error as Error).message}`);
      }
    });
    const claims = this.#claims;
    if (claims && (claims.hasLine(topic) || pending.some(({ value }) => claims.isLarge(value)))) {
      const bodies = pending.map(({ value }) => value);
      const replaced = await claims.inTurn(
        topic,
        () => claims.replace(topic, records, bodies),
        (all) =>
          this.#sendAll(
            topic,
            all.map((record, index) => pendingOf(record, sink, index, nowMs)),
            sink,
          ),
      );
      return replaced;
    }
    return await this.#sendAll(topic, pending, sink);
  }

  #sendAll(topic: string, pending: readonly Pending[], sink: BatchSink): Promise<Receipt[]> {
    for (const record of pending) this.#sender.accept(topic, record);
    return sink.promise;
  }

  #checkOpen(): void {
    if (this.#refusal !== null) throw this.#refusal;
  }

  readonly #onAbort = (): void => {
    this.#refusal = new PosthornError('aborted', 'the AbortSignal of the producer fired', {
      cause: this.#signal!.reason,
    });
    this.#sender.abort(this.#refusal);
  };
}

function pendingOf(record: OutgoingRecord, sink: Sink | null, index: number, nowMs: number): Pending {
  try {
    return new Pending(record, sink, index, nowMs);
  } catch (error) {
    if (error instanceof PosthornError) throw error;
    throw invalidArgument(`the record is not one: ${(error as Error).message}`);
  }
}
