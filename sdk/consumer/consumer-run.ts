/**
 * Run of a consumer: a source of messages, a line of messages that wait for a handler, and the messages in handlers.
 */

import { delayMs } from '../client/http/retry.ts';
import { sleep } from '../client/sleep.ts';
import type { Transport } from '../client/transport.ts';
import { asPosthornError, PosthornError } from '../errors.ts';
import type { Queues } from '../admin/queues.ts';
import { messagesOf } from './source/delivery-request.ts';
import { LeasedMessages } from './leased-messages.ts';
import type { MessageSource, SourceHost } from './source/message-source.ts';
import type { ConsumerConfig } from './options.ts';
import { PollSource } from './source/poll-source.ts';
import type { ReceivedMessage, Settler } from './received-message.ts';
import type { Settlement } from './settlement.ts';
import { SettlementBatcher } from './settlement-batcher.ts';
import { StreamSource } from './source/stream-source.ts';

export type MessageHandler = (message: ReceivedMessage) => unknown;

/** How often a stream that was never open is tried while the broker answers requests. */
const STREAM_ATTEMPTS = 2;

const ACK: Settlement = { kind: 'ack' };

export class ConsumerRun implements Settler, SourceHost {
  readonly done: Promise<void>;
  readonly transport: Transport;
  readonly queue: string;
  readonly config: ConsumerConfig;
  prefetch: number;
  /** In ms, once it is known. */
  leaseMs = 0;
  readonly #queues: Queues;
  readonly #handler: MessageHandler;
  readonly #end = Promise.withResolvers<void>();
  /** Ends what waits for the broker or for time, but not settlements. */
  readonly #taking = new AbortController();
  /** Cancels everything. */
  readonly #abort = new AbortController();
  readonly #settlements: SettlementBatcher;
  #source: MessageSource;
  /** Messages that wait for a handler: `#line[#next]` is the next. */
  #line: ReceivedMessage[] = [];
  #next = 0;
  /** Handlers at work. */
  #running = 0;
  /** Messages whose handler has returned or not, and that are not settled. */
  readonly #leased: LeasedMessages;
  #isStopping = false;
  #stopped: Promise<void> | null = null;
  #taken: Promise<void> = Promise.resolve();
  #wake: (() => void) | null = null;

  constructor(
    transport: Transport,
    queues: Queues,
    queue: string,
    handler: MessageHandler,
    config: ConsumerConfig,
  ) {
    this.transport = transport;
    this.#queues = queues;
    this.queue = queue;
    this.#handler = handler;
    this.config = config;
    this.prefetch = config.prefetch;
    this.done = this.#end.promise;
    this.#source = config.transport === 'stream' ? new StreamSource(this) : new PollSource(this);
    this.#leased = new LeasedMessages({
      extend: (message, leaseMs, done) => this.#settle(message, { kind: 'extend', leaseMs }, done),
      lost: (message, error) => this.#lose(message, error),
    });
    this.#settlements = new SettlementBatcher(
      (frame, signal) => this.#source.settle(frame, signal),
      { ...config, retry: transport.config.retry },
      {
        failed: ({ message }, error) => this.#tell(error, message),
        settled: () => this.#wakeUp(), // to ask for more, if settlements had piled up
      },
      this.#abort.signal,
    );
  }

  get inHand(): number {
    return this.#leased.count;
  }

  start(): void {
    const { signal } = this.config;
    if (signal?.aborted) return this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#taken = this.#take();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  setPrefetch(prefetch: number): void {
    this.prefetch = prefetch;
    this.#source.flow?.();
    this.#wakeUp(); // a poll may have more to ask for
  }

  /** For messages. */
  settle(message: ReceivedMessage, settlement: Settlement): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {}); // `onError` is told of it
    this.#settle(message, settlement, (error) => (error === null ? resolve() : reject(error)));
    return promise;
  }

  acknowledge(message: ReceivedMessage): void {
    this.#settle(message, ACK);
  }

  #settle(
    message: ReceivedMessage,
    settlement: Settlement,
    done?: (error: PosthornError | null) => void,
  ): void {
    const { kind } = settlement;
    if (kind !== 'extend') this.#letGo(message);
    const { tracing } = this.transport.config;
    const end = kind === 'extend' ? undefined : tracing?.settle({ name: this.queue }, message, kind);
    const told = (error: PosthornError | null): void => {
      end!(error);
      done?.(error);
    };
    this.#settlements.add({ message, settlement, done: end ? told : done });
  }

  #letGo(message: ReceivedMessage): void {
    if (this.#leased.drop(message)) this.#wakeUp();
  }

  async #take(): Promise<void> {
    try {
      await this.#prepare();
      await this.#run();
    } catch (error) {
      if (!this.#isStopping) this.#fail(asPosthornError(error));
    }
  }

  async #prepare(): Promise<void> {
    if (this.config.isAutoAck) return; // no leases
    const signal = this.#taking.signal;
    this.leaseMs =
      this.config.leaseMs ??
      (await this.persistently(() => this.#queues.get(this.queue, { signal }))).leaseMs;
    this.#settlements.giveUpMs = this.leaseMs;
    this.#leased.leaseMs = this.leaseMs;
  }

  /** A stream that cannot be opened, though the broker is there, gives way to polls: some proxies know no WebSockets. */
  async #run(): Promise<void> {
    const source = this.#source;
    if (!(source instanceof StreamSource)) return await source.run();
    for (let attempt = 1; attempt <= STREAM_ATTEMPTS; attempt++) {
      try {
        return await source.run();
      } catch (error) {
        if (source.wasOpen || this.#isStopping) throw error;
        this.tell(error);
        await this.check();
      }
    }
    if (this.#isStopping) return;
    this.#source = new PollSource(this);
    await this.#source.run();
  }

  async check(): Promise<void> {
    await this.persistently(() => this.#queues.get(this.queue, { signal: this.#taking.signal }));
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /**
   * A few large requests are cheaper than many small ones. So the next request goes when half of the room is free, or
   * when no message waits for a handler. Unstored settlements also limit requests.
   */
  room(): number {
    const { prefetch } = this;
    const room = prefetch - this.#leased.count;
    if (room <= 0 || this.#settlements.unsettled > prefetch) return 0;
    return room >= prefetch / 2 || this.#line.length === this.#next ? room : 0;
  }

  change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  hurry(): void {
    this.#settlements.flush();
  }

  accept(frame: Uint8Array): void {
    const messages = messagesOf(frame, this);
    if (messages.length === 0) return;
    this.transport.config.tracing?.received({ name: this.queue }, messages);
    if (this.config.isAutoAck) for (const message of messages) message.cameSettled();
    this.#leased.take(messages);
    this.#line = this.#line.length === this.#next ? messages : [...this.#line.slice(this.#next), ...messages];
    this.#next = 0;
    if (this.#isOver) this.#giveBack();
    else this.#work();
  }

  loseAll(reason: PosthornError): void {
    for (const message of this.#leased.all()) this.#lose(message, reason);
  }

  tell(error: unknown): void {
    this.#tell(error, null);
  }

  /** Tries for as long as the consumer runs. */
  async persistently<Result>(run: () => Promise<Result>): Promise<Result> {
    for (let failures = 1; ; failures++) {
      try {
        return await run();
      } catch (cause) {
        const error = asPosthornError(cause);
        if (!error.retryable || this.#isStopping) throw error;
        this.tell(error);
        await sleep(delayMs(this.transport.config.retry, failures, error), this.#taking.signal);
      }
    }
  }

  /**
   * No further handler begins. Messages that are settled already would reach no other consumer, so they are handled to
   * the end.
   */
  get #isOver(): boolean {
    return this.#isStopping && !this.config.isAutoAck;
  }

  #work(): void {
    const { concurrency } = this.config;
    while (this.#running < concurrency && this.#next < this.#line.length && !this.#isOver) {
      const message = this.#line[this.#next++]!;
      if (message.hand !== null) this.#handle(message);
    }
    this.#wakeUp();
  }

  #handle(message: ReceivedMessage): void {
    try {
      const result = this.#handler(message);
      if (!isThenable(result)) return this.#handled(message);
      this.#running++;
      result.then(
        () => this.#returned(message, null),
        (error: unknown) => this.#returned(message, { error }),
      );
    } catch (error) {
      this.#threw(message, error);
    }
  }

  #returned(message: ReceivedMessage, thrown: { error: unknown } | null): void {
    this.#running--;
    if (thrown === null) this.#handled(message);
    else this.#threw(message, thrown.error);
    this.#work();
  }

  #handled(message: ReceivedMessage): void {
    if (message.isSettled) this.#letGo(message);
    else if (this.config.settle === 'auto') message.ackByConsumer();
  }

  #threw(message: ReceivedMessage, error: unknown): void {
    this.#tell(error, message);
    if (message.isSettled) this.#letGo(message);
    else void message.nack({ error });
  }

  #lose(message: ReceivedMessage, error: PosthornError): void {
    this.#letGo(message);
    message.lose(error);
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    // Stop deliveries first. Otherwise messages that are given back on a stream would come to this consumer again.
    const halted = this.#source.halt();
    if (this.#isOver) this.#giveBack();
    this.#wakeUp();
    await halted;
    this.#taking.abort();
    // After an abort handlers may never return.
    while ((this.#running > 0 || this.#leased.count > 0) && !this.#abort.signal.aborted) await this.change();
    await this.#settlements.idle();
    await this.#source.leave?.();
    this.#source.close();
    await this.#taken;
    this.config.signal?.removeEventListener('abort', this.#onAbort);
    this.#end.resolve();
    await this.done;
  }

  /** Gives back everything, without waiting for running handlers. */
  releaseAll(): void {
    for (const message of this.#leased.all()) if (!message.isSettled) void message.release();
  }

  /** Messages that no handler has begun go to another consumer. */
  #giveBack(): void {
    const waiting = this.#line.slice(this.#next);
    this.#line = [];
    this.#next = 0;
    for (const message of waiting) if (message.hand !== null) void message.release();
  }

  #fail(error: PosthornError): void {
    this.#isStopping = true;
    this.config.signal?.removeEventListener('abort', this.#onAbort);
    this.#end.reject(error);
    this.#taking.abort(error);
    this.#abort.abort(error);
    this.#source.close();
    this.loseAll(error);
    this.#line = [];
    this.#next = 0;
    this.#wakeUp();
  }

  readonly #onAbort = (): void => {
    const { signal } = this.config;
    this.done.catch(() => {}); // who aborts knows it
    this.#fail(
      new PosthornError('aborted', 'the AbortSignal of the consumer fired', { cause: signal!.reason }),
    );
  };

  #tell(error: unknown, message: ReceivedMessage | null): void {
    try {
      this.config.onError(error, message);
    } catch (cause) {
      // An error in the application's `onError` must not end the consumer.
      queueMicrotask(() => {
        throw cause;
      });
    }
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
