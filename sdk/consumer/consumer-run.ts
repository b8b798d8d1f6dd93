/**
 * A consumer at work: one request for messages at a time, a line of messages that wait for a handler, and the messages
 * being handled.
 */

import { delayMs } from '../client/retry.ts';
import { sleep } from '../client/sleep.ts';
import type { Transport } from '../client/transport.ts';
import { asPosthornError, PosthornError } from '../errors.ts';
import type { Queues } from '../queues.ts';
import { messagesOf, requestDeliveries } from './delivery-request.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { ConsumerConfig } from './options.ts';
import type { ReceivedMessage, Settler } from './received-message.ts';
import type { Settlement } from './settlement.ts';
import { SettlementBatcher } from './settlement-batcher.ts';

export type MessageHandler = (message: ReceivedMessage) => unknown;

/** A wait that ends at once and brings nothing is not repeated faster than this, in ms. */
const EMPTY_PAUSE_MS = 50;

/**
 * A request that is under way when the consumer stops may be bringing messages, which would then be nobody's until their
 * lease ends. Where there are messages it is answered within this time, in ms; where there are none it is cancelled.
 */
const LAST_REQUEST_MS = 250;

const ACK: Settlement = { kind: 'ack' };

export class ConsumerRun implements Settler {
  readonly done: Promise<void>;
  readonly #transport: Transport;
  readonly #queues: Queues;
  readonly #queue: string;
  readonly #handler: MessageHandler;
  readonly #config: ConsumerConfig;
  readonly #end = Promise.withResolvers<void>();
  /** Cancels the request for messages. */
  readonly #polling = new AbortController();
  /** Cancels everything. */
  readonly #abort = new AbortController();
  readonly #settlements: SettlementBatcher;
  #leases: LeaseKeeper | null = null;
  /** Messages that wait for a handler: `#line[#next]` is the next. */
  #line: ReceivedMessage[] = [];
  #next = 0;
  /** Handlers at work. */
  #running = 0;
  /** Messages whose handler has returned or not, and that are not settled. */
  readonly #unsettled = new Set<ReceivedMessage>();
  #isStopping = false;
  #stopped: Promise<void> | null = null;
  #polled: Promise<void> = Promise.resolve();
  #wake: (() => void) | null = null;

  constructor(
    transport: Transport,
    queues: Queues,
    queue: string,
    handler: MessageHandler,
    config: ConsumerConfig,
  ) {
    this.#transport = transport;
    this.#queues = queues;
    this.#queue = queue;
    this.#handler = handler;
    this.#config = config;
    this.done = this.#end.promise;
    this.#settlements = new SettlementBatcher(transport, queue, config, this.#abort.signal);
  }

  get inHand(): number {
    return this.#unsettled.size;
  }

  start(): void {
    const { signal } = this.#config;
    if (signal?.aborted) return this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#polled = this.#poll();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
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
    if (settlement.kind !== 'extend') this.#letGo(message);
    this.#settlements.add(message.deliveryTag, settlement, (error) => {
      if (error !== null) this.#tell(error, message);
      done?.(error);
      this.#wakeUp(); // to ask for more, where settlements had piled up
    });
  }

  #letGo(message: ReceivedMessage): void {
    this.#leases?.drop(message);
    if (this.#unsettled.delete(message)) this.#wakeUp();
  }

  async #poll(): Promise<void> {
    try {
      const leaseMs = await this.#prepare();
      while (!this.#isStopping) {
        if (this.#hasRoom()) await this.#take(leaseMs);
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } catch (error) {
      if (!this.#isStopping) this.#fail(asPosthornError(error));
    }
  }

  async #prepare(): Promise<number> {
    const leaseMs =
      this.#config.leaseMs ??
      (await this.#persistently(() => this.#queues.get(this.#queue, { signal: this.#polling.signal })))
        .leaseMs;
    this.#settlements.giveUpMs = leaseMs;
    this.#leases = new LeaseKeeper(leaseMs, {
      extend: (message, ms, done) => this.#settle(message, { kind: 'extend', leaseMs: ms }, done),
      lost: (message, error) => this.#lose(message, error),
    });
    return leaseMs;
  }

  /**
   * Few large requests are cheaper than many small ones: the next one goes when half of the room is free, or no handler
   * has anything waiting. Settlements that the broker has not stored yet must not pile up either.
   */
  #hasRoom(): boolean {
    const { prefetch } = this.#config;
    const room = prefetch - this.#unsettled.size;
    if (room <= 0 || this.#settlements.unsettled > prefetch) return false;
    return room >= prefetch / 2 || this.#waiting === 0;
  }

  get #waiting(): number {
    return this.#line.length - this.#next;
  }

  async #take(leaseMs: number): Promise<void> {
    const { consumerId, prefetch, waitMs } = this.#config;
    const startMs = performance.now();
    const frame = await this.#persistently(() =>
      requestDeliveries(this.#transport, {
        queue: this.#queue,
        consumerId,
        max: prefetch - this.#unsettled.size,
        waitMs,
        leaseMs,
        signal: this.#polling.signal,
      }),
    );
    const messages = messagesOf(frame, this);
    if (messages.length > 0) return this.#accept(messages);
    const isEarly = waitMs > EMPTY_PAUSE_MS && performance.now() - startMs < EMPTY_PAUSE_MS;
    if (isEarly) await sleep(EMPTY_PAUSE_MS, this.#polling.signal);
  }

  #accept(messages: ReceivedMessage[]): void {
    for (const message of messages) this.#unsettled.add(message);
    this.#leases!.keep(messages);
    this.#line = this.#waiting === 0 ? messages : [...this.#line.slice(this.#next), ...messages];
    this.#next = 0;
    if (this.#isStopping) this.#giveBack();
    else this.#work();
  }

  /** Tries for as long as the consumer runs. */
  async #persistently<Result>(run: () => Promise<Result>): Promise<Result> {
    for (let failures = 1; ; failures++) {
      try {
        return await run();
      } catch (cause) {
        const error = asPosthornError(cause);
        if (!error.retryable || this.#isStopping) throw error;
        this.#tell(error, null);
        await sleep(delayMs(this.#transport.config.retry, failures, error), this.#polling.signal);
      }
    }
  }

  #work(): void {
    const { concurrency } = this.#config;
    while (this.#running < concurrency && this.#next < this.#line.length && !this.#isStopping) {
      const message = this.#line[this.#next++]!;
      if (this.#unsettled.has(message)) this.#handle(message);
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
    if (this.#config.settle === 'auto' && !message.isSettled) message.ackByConsumer();
  }

  #threw(message: ReceivedMessage, error: unknown): void {
    this.#tell(error, message);
    if (!message.isSettled) void message.nack({ error });
  }

  #lose(message: ReceivedMessage, error: PosthornError): void {
    this.#letGo(message);
    message.lose(error);
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#giveBack();
    this.#wakeUp();
    await Promise.race([this.#polled, sleep(LAST_REQUEST_MS)]);
    this.#polling.abort();
    await this.#polled;
    // After an abort handlers may never return.
    while ((this.#running > 0 || this.#unsettled.size > 0) && !this.#abort.signal.aborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    await this.#settlements.idle();
    this.#config.signal?.removeEventListener('abort', this.#onAbort);
    this.#end.resolve();
    await this.done;
  }

  /** What no handler has begun goes to another consumer. */
  #giveBack(): void {
    const waiting = this.#line.slice(this.#next);
    this.#line = [];
    this.#next = 0;
    for (const message of waiting) if (this.#unsettled.has(message)) void message.release();
  }

  #fail(error: PosthornError): void {
    this.#isStopping = true;
    this.#config.signal?.removeEventListener('abort', this.#onAbort);
    this.#end.reject(error);
    this.#polling.abort(error);
    this.#abort.abort(error);
    for (const message of this.#unsettled) this.#lose(message, error);
    this.#line = [];
    this.#next = 0;
    this.#wakeUp();
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#config;
    this.done.catch(() => {}); // who aborts knows it
    this.#fail(
      new PosthornError('aborted', 'the AbortSignal of the consumer fired', { cause: signal!.reason }),
    );
  };

  #tell(error: unknown, message: ReceivedMessage | null): void {
    try {
      this.#config.onError(error, message);
    } catch (cause) {
      // A fault of the application's own reporting must not end the consumer.
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
