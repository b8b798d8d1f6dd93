/** The transactional producer: the class that applications use for transactions. */

import { withRetries } from '../client/http/retry.ts';
import { jsonBody, jsonOf, type HttpReply, type Transport } from '../client/transport.ts';
import { checkRange } from '../client/options.ts';
import { asPosthornError, invalidArgument, PosthornError } from '../errors.ts';
import { type GroupOwner, wireCommit, type OffsetToCommit } from '../values/offset-to-commit.ts';
import { checkExchange, checkWideName } from '../client/names.ts';
import type { OutgoingMessage, RoutedMessage } from '../values/message-input.ts';
import { messageFields } from '../values/message-fields.ts';
import type {
  TransactionEndReply,
  TransactionMessagesReply,
  TransactionOffsetsRequest,
} from '../../protocol/schemas/transactions.ts';
import { PRODUCER_EPOCH_MAX, TRANSACTION_TIMEOUT_MS_MAX } from '../../protocol/limits.ts';
import type { Receipt } from '../producer/pending.ts';
import { Producer } from '../producer/producer.ts';
import type { ProducerOptions } from '../producer/options.ts';
import { makeProducer, Sequences, type Identity } from '../producer/sequences.ts';
import type { OutgoingRecord } from '../values/record-input.ts';
import { RecordClaims } from '../producer/record-claims.ts';
import type { Topics } from '../admin/topics.ts';
import { sendTraced } from '../tracing/send-traced.ts';

export interface TransactionalProducerOptions extends Omit<
  ProducerOptions,
  'acks' | 'idempotent' | 'delivery' | 'connection'
> {
  /**
   * The name of this job, the same after a restart. One instance at a time uses it: the one that began last. A
   * transaction that an earlier instance left open is aborted.
   */
  transactionalId: string;
  /** The broker aborts a transaction that is open for longer, in ms, 1,000 to 900,000. Default 60,000. */
  transactionTimeoutMs?: number;
}

type State = 'new' | 'ready' | 'open' | 'ending';

/**
 * Writes to several partitions and topics, all or nothing: readers with `isolation: 'read_committed'` see the records of a
 * transaction when it is committed, and never those of one that was aborted.
 *
 * It runs one transaction at a time. After a failed `send` the transaction can only be aborted, which `run` does.
 *
 * @example
 * await using producer = posthorn.transactionalProducer({ transactionalId: 'billing-1' });
 * await producer.run(async (transaction) => {
 *   transaction.send('invoices', { key: 'c-7', value: { total: 12 } });
 *   transaction.send('ledger', { key: 'c-7', value: { debit: 12 } });
 * });
 */
export class TransactionalProducer implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #producer: Producer;
  readonly #sequences: Sequences;
  readonly #options: TransactionalProducerOptions;
  readonly #withinMs: number;
  #identity: Identity | null = null;
  #state: State = 'new';
  #hasSent = false;
  /** What was sent and is not stored yet. */
  readonly #onTheirWay = new Set<Promise<unknown>>();
  /** Messages published in the open transaction. */
  #held = 0;
  #lastHeld: Promise<unknown> = Promise.resolve();
  /** The requested end of the transaction, until the outcome is known. */
  #ending: 'commit' | 'abort' | null = null;
  /** Why the open transaction cannot be committed. */
  #failure: PosthornError | null = null;

  /** Made by `Posthorn`. */
  constructor(transport: Transport, topics: Topics, options: TransactionalProducerOptions) {
    checkWideName('transactionalId', options.transactionalId);
    if (options.transactionTimeoutMs !== undefined) {
      checkRange('transactionTimeoutMs', options.transactionTimeoutMs, 1_000, TRANSACTION_TIMEOUT_MS_MAX);
    }
    this.#transport = transport;
    this.#options = options;
    this.#withinMs = options.deliveryTimeoutMs ?? 120_000;
    this.#sequences = new Sequences(
      () => Promise.reject(invalidArgument('begin a transaction first')),
      options.transactionalId,
    );
    // A transaction waits for all of its records at once, so a socket would save it little.
    const byRequests = { ...options, connection: 'requests' } as const;
    this.#producer = new Producer(
      transport,
      topics,
      byRequests,
      this.#sequences,
      (config) => new RecordClaims(transport, topics, config),
    );
  }

  /**
   * Begins a transaction. The first time, and after this instance lost its place, it takes over the transactional id:
   * what another instance has open is aborted, and that instance is fenced. Read your start position only after that.
   */
  async begin(): Promise<void> {
    if (this.#ending === 'abort') await this.abort().catch(unlessOver);
    if (this.#state === 'open' || this.#state === 'ending') {
      throw invalidArgument('a transaction is open already; commit or abort it first');
    }
    if (this.#identity === null) await this.#takeOver();
    this.#sequences.renew(this.#identity!);
    this.#hasSent = false;
    this.#failure = null;
    this.#held = 0;
    this.#ending = null;
    this.#state = 'open';
  }

  /**
   * True if no answer says whether the last commit took effect. Without any answer, `commit` finds out. If another
   * instance has taken over, nobody can.
   */
  get isUndecided(): boolean {
    return this.#ending === 'commit';
  }

  /**
   * Sends one record in the open transaction. Resolves when the record is stored, which is before it is committed. You
   * need not await it.
   */
  send(topic: string, record: OutgoingRecord): Promise<Receipt> {
    return this.#sent(() => this.#producer.send(topic, record));
  }

  /** Sends many records, as `send` does, with less work for each. */
  sendBatch(topic: string, records: readonly OutgoingRecord[]): Promise<Receipt[]> {
    return this.#sent(() => this.#producer.sendBatch(topic, records));
  }

  /**
   * Commits offsets of a consumer group within the open transaction: they take effect if and only if it is committed,
   * so that each record is handled exactly once. Until then no other member of the group reads these partitions. You
   * need not await it: `commit` waits for it, and aborts if it failed (`partition_not_owned`, `stale_epoch`: the
   * partition has gone to another member, which handles the records again).
   *
   * @param member whose partitions they are: `record.owner` or `batch.owner` of the group's consumer
   * @param offsets for each partition the next offset to read: one more than the last record handled
   */
  sendOffsets(member: GroupOwner, offsets: readonly OffsetToCommit[]): Promise<void> {
    return this.#sent(() => this.#addOffsets(member, offsets));
  }

  /**
   * Publishes through an exchange in the open transaction. The message is routed now, sent when the transaction is
   * committed, and dropped when it is aborted. A transaction holds up to 10,000 messages and 8 MiB. You need not await
   * it.
   *
   * @returns when the broker holds it; false if it is `mandatory` and no binding takes it
   */
  publish(exchange: string, message: RoutedMessage): Promise<boolean> {
    const target = { exchange: checkExchange(exchange) };
    const { tracing } = this.#transport.config;
    const routingKey = message?.routingKey ?? '';
    return sendTraced(tracing, { name: exchange || routingKey, routingKey }, message, (traced) =>
      this.#hold(target, traced, ({ unroutable }) => unroutable.length === 0),
    );
  }

  /** Publishes to a queue in the open transaction, as `publish` does. A queue that is full by then refuses it. */
  sendToQueue(queue: string, message: OutgoingMessage): Promise<void> {
    const target = { queue: checkWideName('queue', queue) };
    return sendTraced(this.#transport.config.tracing, { name: queue }, message, (traced) =>
      this.#hold(target, traced, () => {}),
    );
  }

  /** As `Producer.ready`. */
  ready(): Promise<void> {
    return this.#producer.ready();
  }

  /**
   * Commits after everything sent is stored. A commit that resolves survives every crash.
   *
   * @throws PosthornError of the first record that could not be stored, after aborting; `producer_fenced` when another
   *   instance has taken over; `transaction_aborted` when the transaction timed out. With an error that is `retryable`
   *   (no reply) the transaction may or may not be committed: call `commit` again to find out
   */
  async commit(): Promise<void> {
    this.#checkOpen();
    await this.#flush();
    if (this.#ending === 'abort') this.#failure ??= invalidArgument('abort was called');
    if (this.#failure !== null) {
      const failure = this.#failure;
      await this.abort();
      throw failure;
    }
    await this.#end('commit');
  }

  /** Aborts: readers of committed records never see what was sent. */
  async abort(): Promise<void> {
    this.#checkOpen();
    await this.#flush();
    await this.#end('abort');
  }

  /**
   * Runs a function within a transaction: commits when it is done, aborts when it throws, and throws that.
   *
   * @returns what the function returns
   */
  async run<Result>(work: (transaction: this) => Promise<Result> | Result): Promise<Result> {
    await this.begin();
    let result: Result;
    try {
      result = await work(this);
    } catch (error) {
      // If the abort fails too, the broker aborts by itself after the time-out.
      await this.abort().catch(() => {});
      throw error;
    }
    await this.commit();
    return result;
  }

  /** Aborts an open transaction and refuses further ones. */
  async close(): Promise<void> {
    try {
      if (this.#state === 'open' || this.#state === 'ending') await this.abort();
    } finally {
      await this.#producer.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #sent<Result>(send: () => Promise<Result>): Promise<Result> {
    if (this.#state !== 'open') return Promise.reject(invalidArgument('begin a transaction first'));
    this.#hasSent = true;
    const stored = send();
    this.#onTheirWay.add(stored);
    // This also handles rejections of sends that nobody awaits. The commit reports them.
    void stored
      .catch((error: unknown) => (this.#failure ??= asPosthornError(error)))
      .finally(() => this.#onTheirWay.delete(stored));
    return stored;
  }

  #checkOpen(): void {
    if (this.#state !== 'open' && this.#state !== 'ending') throw invalidArgument('no transaction is open');
  }

  /** Everything that was sent is stored, or has failed. */
  async #flush(): Promise<void> {
    await this.#producer.flush();
    await Promise.allSettled(this.#onTheirWay);
  }

  async #addOffsets(
    { group, memberId, epoch }: GroupOwner,
    offsets: readonly OffsetToCommit[],
  ): Promise<void> {
    checkWideName('group', group);
    if (offsets.length === 0) return;
    await this.#post('offsets', {
      producer: this.#identity!,
      group,
      member_id: memberId,
      epoch,
      offsets: offsets.map(wireCommit),
    } satisfies TransactionOffsetsRequest);
  }

  #hold<Result>(
    target: { exchange: string } | { queue: string },
    message: RoutedMessage,
    resultOf: (reply: TransactionMessagesReply) => Result,
  ): Promise<Result> {
    let fields: object;
    try {
      fields = messageFields(message);
    } catch (error) {
      return Promise.reject(asPosthornError(error));
    }
    return this.#sent(() => {
      const sequence = this.#held++;
      // One at a time, because the sequence tells a repetition from the next publish.
      const held = this.#lastHeld.then(async () => {
        const reply = await this.#post('messages', {
          producer: this.#identity,
          sequence,
          ...target,
          messages: [fields],
        });
        return resultOf(jsonOf<TransactionMessagesReply>(reply));
      });
      this.#lastHeld = held.catch(() => {});
      return held;
    });
  }

  #post(what: string, body: object): Promise<HttpReply> {
    const { transactionalId, signal } = this.#options;
    const path = `/transactions/${encodeURIComponent(transactionalId)}/${what}`;
    return withRetries(this.#transport.config.retry, this.#limits(), () =>
      this.#transport.call({ method: 'POST', path, ...jsonBody(body), signal }),
    );
  }

  async #takeOver(): Promise<void> {
    const { transactionalId, transactionTimeoutMs, signal } = this.#options;
    const fields = {
      transactional_id: transactionalId,
      ...(transactionTimeoutMs !== undefined && { transaction_timeout_ms: transactionTimeoutMs }),
    };
    this.#identity = await withRetries(this.#transport.config.retry, this.#limits(), () =>
      makeProducer(this.#transport, fields, signal),
    );
    this.#state = 'ready';
  }

  async #end(how: 'commit' | 'abort'): Promise<void> {
    if (!this.#hasSent) {
      this.#state = 'ready';
      return;
    }
    this.#state = 'ending';
    this.#ending = how;
    try {
      const reply = await this.#post(how, { producer: this.#identity });
      const { producer } = jsonOf<TransactionEndReply>(reply);
      this.#identity =
        producer.epoch > PRODUCER_EPOCH_MAX ? null : { id: producer.id, epoch: producer.epoch };
      this.#state = 'ready';
      this.#ending = null;
    } catch (error) {
      // What the broker refuses is over, and the next transaction begins as a new instance.
      if (error instanceof PosthornError && !error.retryable && error.status !== undefined) {
        this.#identity = null;
        this.#state = 'new';
        if (how === 'abort' || error.code === 'transaction_aborted') this.#ending = null;
      }
      throw error;
    }
  }

  #limits(): { withinMs: number; signal: AbortSignal | undefined } {
    return { withinMs: this.#withinMs, signal: this.#options.signal };
  }
}

/** A transaction that has ended already needs no end. */
function unlessOver(error: unknown): void {
  if (asPosthornError(error).retryable) throw error;
}
