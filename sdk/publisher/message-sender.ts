/**
 * Sender of a publisher: sends batches of messages, at most one under way for each destination, and handles the
 * replies.
 */

import { delayMs } from '../client/http/retry.ts';
import { sleep } from '../client/sleep.ts';
import type { Transport } from '../client/transport.ts';
import { messageOf, PosthornError } from '../errors.ts';
import { Backlog } from '../producer/backlog.ts';
import { makeProducer, Sequences } from '../producer/sequences.ts';
import type { Queues } from '../admin/queues.ts';
import { DestinationAccumulator } from './destination-accumulator.ts';
import type { MessageBatch, Outcomes, PendingMessage } from './message-batch.ts';
import type { PublisherConfig } from './options.ts';
import { publishBatch, publishPath, storedDespite, type Destination } from './publish-request.ts';

/** How long a queue that was full is left alone, in ms, if the broker does not say. */
const FULL_PAUSE_MS = 1_000;

/**
 * The queue knows nothing, or less, of this producer than was answered before: it has none of what is sent now. It forgets
 * producers after seven days, and at once those of whose last messages it had nothing to store.
 */
const FORGOTTEN = new Set(['unknown_producer', 'out_of_order_sequence']);

export class MessageSender {
  readonly bytes: Backlog;
  readonly messages: Backlog;
  readonly #transport: Transport;
  readonly #queues: Queues;
  readonly #config: PublisherConfig;
  /** Of queues and exchanges; null for a publisher that is not idempotent. */
  readonly #sequences: Sequences | null;
  readonly #lines = new Map<string, DestinationAccumulator>();
  /** Lines with a batch that could go now, the longest waiting first. */
  readonly #sendable = new Set<DestinationAccumulator>();
  readonly #stop = new AbortController();
  /** Ids are made of it and a number: unique, and short. */
  readonly #idPrefix = `${crypto.randomUUID().slice(0, 18)}-`;
  #ids = 0;
  #inFlight = 0;

  constructor(transport: Transport, queues: Queues, config: PublisherConfig) {
    this.bytes = new Backlog(config.bufferBytes);
    this.messages = new Backlog(config.maxUnconfirmed);
    this.#transport = transport;
    this.#queues = queues;
    this.#config = config;
    this.#sequences = config.idempotent
      ? new Sequences((signal) => makeProducer(transport, {}, signal))
      : null;
  }

  /** @param key names the destination among all */
  line(key: string, destination: () => Destination): DestinationAccumulator {
    let line = this.#lines.get(key);
    if (line === undefined) {
      const named = destination();
      const channel = this.#transport.channel(publishPath(named), this.#config.connection);
      const due = (): void => this.#offer(line!);
      line = new DestinationAccumulator(named, channel, this.#config, due);
      this.#lines.set(key, line);
    }
    return line;
  }

  accept(line: DestinationAccumulator, message: PendingMessage): void {
    this.bytes.add(message.heldBytes);
    this.messages.add(1);
    line.add(message);
    if (line.isSendable) this.#offer(line);
    else line.linger(() => this.#offer(line));
  }

  /** Lets go what waits for company. */
  hurry(): void {
    for (const line of this.#lines.values()) {
      line.hurry();
      this.#offer(line);
    }
  }

  async flush(): Promise<void> {
    this.hurry();
    await Promise.all([...this.#lines.values()].map((line) => line.idle()));
  }

  /** Closes the sockets. What is sent after this goes by requests. */
  close(): void {
    for (const { channel } of this.#lines.values()) channel.close();
  }

  /** Gives up everything. */
  abort(error: PosthornError): void {
    this.#stop.abort(error);
    for (const line of this.#lines.values()) {
      for (const { messages } of line.drain()) for (const message of messages) this.#settle(message, error);
    }
    this.close();
  }

  #offer(line: DestinationAccumulator): void {
    if (line.isSendable) this.#sendable.add(line);
    for (const next of this.#sendable) {
      if (this.#inFlight >= this.#config.maxInFlight) return;
      this.#sendable.delete(next);
      void this.#send(next, next.take());
    }
  }

  async #send(line: DestinationAccumulator, batch: MessageBatch): Promise<void> {
    this.#inFlight++;
    const [sent, sentMs] = [batch.messages.length, performance.now()];
    let error: PosthornError | null = null;
    try {
      if (batch.failures === 0 && line.givesIds !== false) await this.#identify(line, batch);
      const { destination } = line;
      const isExchange = 'exchange' in destination;
      await this.#sequences?.assign([batch], () => sequencesOf(destination), this.#stop.signal, isExchange);
      const { signal } = this.#stop;
      const outcomes = await publishBatch(line.channel, destination, batch, this.#config, signal);
      if (this.#conclude(line, batch, outcomes)) error = full();
    } catch (cause) {
      error = this.#reasonOf(cause);
    }
    this.#inFlight--;
    if (error === null) line.stored(sent, performance.now() - sentMs);
    else this.#failed(line, batch, error);
    this.#offer(line);
  }

  /** Whoever tries again needs ids, if the other side goes by them. */
  async #identify(line: DestinationAccumulator, batch: MessageBatch): Promise<void> {
    if (line.givesIds === null) {
      const { messageIds } = this.#config;
      line.givesIds = messageIds ?? (await this.#hasUseForIds(line.destination));
    }
    if (!line.givesIds) return;
    for (const message of batch.messages) {
      if (message.messageId === undefined) message.identify(`${this.#idPrefix}${(this.#ids++).toString(36)}`);
    }
  }

  async #hasUseForIds(destination: Destination): Promise<boolean> {
    if ('exchange' in destination) return true;
    const { signal } = this.#stop;
    return (await this.#queues.get(destination.queue, { signal })).dedupWindowMs > 0;
  }

  #failed(line: DestinationAccumulator, batch: MessageBatch, error: PosthornError): void {
    if (this.#stop.signal.aborted) return this.#giveUp(line, batch, error);
    const despite = storedDespite(batch, error, line.destination, this.#config);
    if (despite !== null && !this.#conclude(line, batch, despite)) return this.#forget(line, batch);
    if (error.code === 'queue_full' && this.#config.whenFull === 'refuse')
      return this.#giveUp(line, batch, error);
    if (error.retryable) return void this.#retryLater(line, batch, error);
    const isExchange = 'exchange' in line.destination;
    if (!isExchange && FORGOTTEN.has(error.code)) {
      this.#abandon(line, batch);
      return void this.#retryLater(line, batch, error);
    }
    // An earlier attempt may be in some destinations: what goes again as another batch would be there twice.
    if (isExchange && batch.failures > 0) return this.#giveUp(line, batch, error);
    // The broker names the message that it refuses, and has stored none: the others may go without it.
    const culprit = error.details['index'];
    const guilty = typeof culprit === 'number' ? batch.messages[culprit] : undefined;
    if (guilty === undefined || despite !== null) return this.#giveUp(line, batch, error);
    this.#settle(guilty, error);
    this.#abandon(line, batch);
    batch.keep(batch.messages.filter((message) => message !== guilty));
    line.release(batch.messages.length > 0 ? batch : null);
  }

  async #retryLater(line: DestinationAccumulator, batch: MessageBatch, error: PosthornError): Promise<void> {
    const { deliveryTimeoutMs, onRetry } = this.#config;
    const { retry } = this.#transport.config;
    const nowMs = performance.now();
    const isWaitedOut = onRetry?.(error, line.destination);
    batch.failures++;
    if (isWaitedOut) batch.deadlineMs = nowMs + deliveryTimeoutMs;
    if (nowMs >= batch.deadlineMs) {
      this.#giveUp(line, batch, this.#deliveryTimeout(error));
      return this.#offer(line);
    }
    const pauseMs = delayMs(retry, batch.failures, error);
    try {
      // What may last an hour may also end at any time.
      await sleep(isWaitedOut ? Math.min(pauseMs, retry.maxMs) : pauseMs, this.#stop.signal);
    } catch {
      return this.#giveUp(line, batch, this.#stop.signal.reason as PosthornError);
    }
    line.release(batch);
    this.#offer(line);
  }

  #giveUp(line: DestinationAccumulator, batch: MessageBatch, error: PosthornError): void {
    for (const message of batch.messages) this.#settle(message, error);
    this.#abandon(line, batch);
    // A queue may be made again, with another window.
    line.givesIds = null;
    line.release(null);
  }

  /** The batch does not go again under its sequence. */
  #abandon({ destination }: DestinationAccumulator, batch: MessageBatch): void {
    this.#sequences?.abandon(sequencesOf(destination), batch);
    batch.identify(null);
  }

  /** All of its messages are settled, though the broker has refused some. */
  #forget(line: DestinationAccumulator, batch: MessageBatch): void {
    this.#abandon(line, batch);
    line.release(null);
  }

  /**
   * @returns whether some have to go again. The batch has those left; one through an exchange that has sequences stays whole,
   *   since its destinations know messages by their places in it
   */
  #conclude({ destination }: DestinationAccumulator, batch: MessageBatch, outcomes: Outcomes): boolean {
    const left = batch.messages.filter((message, index) => {
      const outcome = outcomes[index]!;
      if (outcome !== null) this.#settle(message, outcome);
      return outcome === null;
    });
    if (!('exchange' in destination) || batch.producer === null) batch.keep(left);
    return left.some(({ isSettled }) => !isSettled);
  }

  #settle(message: PendingMessage, outcome: NonNullable<Outcomes[number]>): void {
    if (message.isSettled) return;
    message.isSettled = true;
    this.bytes.remove(message.heldBytes);
    this.messages.remove(1);
    if (outcome instanceof PosthornError) message.sink.failed(0, outcome);
    else message.sink.stored(0, outcome);
  }

  #reasonOf(error: unknown): PosthornError {
    if (this.#stop.signal.aborted) return this.#stop.signal.reason as PosthornError;
    if (error instanceof PosthornError) return error;
    return new PosthornError('invalid_argument', `the batch cannot be encoded: ${messageOf(error)}`, {
      cause: error,
    });
  }

  #deliveryTimeout(cause: PosthornError): PosthornError {
    const { deliveryTimeoutMs } = this.#config;
    const message = `not confirmed within ${deliveryTimeoutMs} ms; the last attempt: ${cause.message}`;
    return new PosthornError('timeout', message, { retryable: true, cause });
  }
}

/** Names the place whose messages a sequence counts. */
function sequencesOf(destination: Destination): string {
  return 'queue' in destination ? `queue ${destination.queue}` : `exchange ${destination.exchange}`;
}

const full = (): PosthornError =>
  new PosthornError('queue_full', 'the queue is full and refuses messages', {
    retryable: true,
    retryAfterMs: FULL_PAUSE_MS,
  });
