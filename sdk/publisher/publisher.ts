/** The publisher: the class that applications use to publish messages. */

import { RECORD_BYTES_MAX, ROUTING_KEY_BYTES_MAX } from '../../protocol/limits.ts';
import { JSON_TYPE } from '../../protocol/headers/media-types.ts';
import { ClaimCheck } from '../claims/claim-check.ts';
import { CLAIMED_BODY } from '../claims/claim.ts';
import type { Transport } from '../client/transport.ts';
import { abortedBy, invalidArgument, PosthornError } from '../errors.ts';
import type { OutgoingMessage, RoutedMessage } from '../values/message-input.ts';
import { checkExchange, checkWideName } from '../client/names.ts';
import { READY } from '../producer/backlog.ts';
import { SingleSink } from '../producer/pending.ts';
import type { Queues } from '../admin/queues.ts';
import type { Tracing } from '../client/tracing.ts';
import { sendTraced } from '../tracing/send-traced.ts';
import { bytesOfText } from '../values/text.ts';
import { PendingMessage, type Confirmation } from './message-batch.ts';
import { MessageSender } from './message-sender.ts';
import { publisherConfig, type PublisherOptions } from './options.ts';

/**
 * Publishes messages in batches. Each promise resolves when its message is durable in every destination.
 *
 * After a temporary failure (no reply, 429, 503) the publisher sends a message again until `deliveryTimeoutMs`. For one
 * queue or one exchange the order is that of the calls, also under retries. A queue, and each destination of an
 * exchange, stores a message once however often it was sent: it recognises the message by producer and sequence (see
 * `idempotent`). If only some destinations failed, a retry completes those. This holds for the life of the publisher.
 * If a message failed with `timeout` and the application publishes it again, that is another message. A queue with a
 * `dedupWindowMs` recognises it too, by its `messageId`.
 *
 * @example
 * await using publisher = posthorn.publisher();
 * await publisher.sendToQueue('mails', { body: { to: 'a@example.com' } });
 * await publisher.publish('events', { routingKey: 'orders.created', body: { id: 7 }, mandatory: true });
 */
export class Publisher implements AsyncDisposable {
  readonly #sender: MessageSender;
  readonly #claims: ClaimCheck;
  readonly #claimTtlMs: number;
  readonly #queues: Queues;
  readonly #tracing: Tracing | undefined;
  #refusal: PosthornError | null = null;
  #closing: Promise<void> | null = null;
  readonly #signal: AbortSignal | undefined;

  /** Made by `Posthorn`. */
  constructor(transport: Transport, queues: Queues, options: PublisherOptions) {
    const config = publisherConfig(options);
    this.#sender = new MessageSender(transport, queues, config);
    this.#claims = new ClaimCheck(transport, config);
    this.#claimTtlMs = config.claimTtlMs;
    this.#queues = queues;
    this.#tracing = transport.config.tracing;
    this.#signal = config.signal;
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Messages that are not confirmed yet. */
  get unconfirmed(): number {
    return this.#sender.messages.held;
  }

  /** What waits in memory, in bytes, with an allowance of 256 for each message. */
  get bufferedBytes(): number {
    return this.#sender.bytes.held;
  }

  /**
   * Publishes one message through an exchange (`''` is the default exchange). Resolves when every queue and topic to
   * which it is routed has stored it.
   *
   * For speed, do not await each one: messages that are under way together share batches.
   *
   * @example
   * for (const event of events) {
   *   publisher.publish('events', { routingKey: event.type, body: event }).catch(report);
   *   await publisher.ready();
   * }
   * await publisher.flush();
   *
   * @throws PosthornError (the promise rejects) `invalid_argument`, `exchange_not_found`, `exchange_internal`,
   *   `unroutable`, `record_too_large`, `timeout`, `aborted`, `closed`, and other codes of the broker
   */
  publish(exchange: string, message: RoutedMessage): Promise<Confirmation> {
    const destination = (): { exchange: string } => ({ exchange: checkExchange(exchange) });
    const routingKey = message?.routingKey ?? '';
    return sendTraced(this.#tracing, { name: exchange || routingKey, routingKey }, message, (traced) =>
      this.#accept(`exchange ${exchange}`, destination, traced, routingKey),
    );
  }

  /**
   * Publishes one message straight to a queue. Resolves when it is stored.
   *
   * @throws PosthornError (the promise rejects) `invalid_argument`, `queue_not_found`, `record_too_large`, `timeout`,
   *   `aborted`, `closed`, and other codes of the broker
   */
  sendToQueue(queue: string, message: OutgoingMessage): Promise<Confirmation> {
    const destination = (): { queue: string } => ({ queue: checkWideName('queue', queue) });
    return sendTraced(this.#tracing, { name: queue }, message, (traced) =>
      this.#accept(`queue ${queue}`, destination, traced, undefined),
    );
  }

  /**
   * Waits until fewer than `maxUnconfirmed` messages and `bufferBytes` are in memory. Publishing itself never refuses
   * when memory is full, so await this or the messages in a loop.
   */
  ready(): Promise<void> {
    const { bytes, messages } = this.#sender;
    return bytes.hasRoom && messages.hasRoom && !this.#claims.isBusy ? READY : this.#waitForRoom();
  }

  /** Sends waiting messages at once. Resolves when everything published before is confirmed or has failed. */
  async flush(): Promise<void> {
    if (this.#claims.isBusy) await this.#claims.settled();
    await this.#sender.flush();
  }

  /** Flushes, and refuses further messages with `closed`. */
  close(): Promise<void> {
    this.#refusal ??= new PosthornError('closed', 'the publisher is closed');
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

  #accept(
    key: string,
    destination: Parameters<MessageSender['line']>[1],
    message: OutgoingMessage,
    routingKey: string | undefined,
  ): Promise<Confirmation> {
    const sink = new SingleSink<Confirmation>();
    try {
      if (this.#refusal !== null) throw this.#refusal;
      const pending = pendingOf(message, routingKey, sink);
      const body = pending.value;
      if (this.#claims.isLarge(body) || this.#claims.hasLine(key))
        return this.#claims.inTurn(
          key,
          () => this.#claimed(key, message, body),
          (ready) => this.#sendNow(key, destination, pendingOf(ready, routingKey, sink), sink),
        );
      return this.#sendNow(key, destination, pending, sink);
    } catch (error) {
      return Promise.reject(error as PosthornError);
    }
  }

  /** Stores a large body, and returns the message with its claim. */
  async #claimed(key: string, message: OutgoingMessage, body: Uint8Array | null): Promise<OutgoingMessage> {
    if (!this.#claims.isLarge(body)) return message;
    const { properties } = message;
    const type = properties?.contentType ?? (message.body instanceof Uint8Array ? undefined : JSON_TYPE);
    const claim = await this.#claims.upload(body, type, async () => await this.#lifeIn(key, message));
    return claim === null
      ? message
      : { ...message, body: CLAIMED_BODY, properties: { ...properties, claim } };
  }

  /** How long the message, and a dead letter of it, may live at least, in ms. */
  async #lifeIn(key: string, { properties }: OutgoingMessage): Promise<number> {
    const { expirationMs, delayMs = 0, deliverAt } = properties ?? {};
    const later = deliverAt === undefined ? delayMs : Math.max(0, Number(deliverAt) - Date.now());
    const [kind, name] = [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1)];
    let ttlMs = expirationMs ?? 0;
    let deadMs = this.#claimTtlMs;
    if (kind === 'queue') {
      const { messageTtlMs, deadLetter } = await this.#queues.get(name);
      ttlMs = Math.max(ttlMs, messageTtlMs ?? 0);
      const dead = deadLetter === null ? { queue: `${name}.dlq` } : deadLetter;
      if (dead !== 'none' && 'queue' in dead) {
        // It need not exist yet.
        const found = await this.#queues.get(dead.queue).catch(() => null);
        deadMs = Math.max(deadMs, found?.messageTtlMs ?? 0);
      }
    }
    return later + ttlMs + deadMs;
  }

  #sendNow(
    key: string,
    destination: Parameters<MessageSender['line']>[1],
    pending: PendingMessage,
    sink: SingleSink<Confirmation>,
  ): Promise<Confirmation> {
    try {
      if (this.#signal?.aborted) throw abortedBy(this.#signal);
      checkSize(pending);
      const line = this.#sender.line(key, destination);
      this.#sender.accept(line, pending);
    } catch (error) {
      return Promise.reject(error as PosthornError);
    }
    return sink.promise;
  }

  /** Who waits for room sends nothing meanwhile, so nothing is gained by waiting for company. */
  async #waitForRoom(): Promise<void> {
    const { bytes, messages } = this.#sender;
    this.#sender.hurry();
    await this.#claims.settled();
    while (!(bytes.hasRoom && messages.hasRoom)) await Promise.all([bytes.ready(), messages.ready()]);
  }

  readonly #onAbort = (): void => {
    this.#refusal = new PosthornError('aborted', 'the AbortSignal of the publisher fired', {
      cause: this.#signal!.reason,
    });
    this.#sender.abort(this.#refusal);
  };
}

function pendingOf(
  message: OutgoingMessage,
  routingKey: string | undefined,
  sink: SingleSink<Confirmation>,
): PendingMessage {
  try {
    if (routingKey !== undefined && bytesOfText(routingKey).length > ROUTING_KEY_BYTES_MAX) {
      throw invalidArgument(`routingKey has more than ${ROUTING_KEY_BYTES_MAX} bytes`);
    }
    return new PendingMessage(message, routingKey, sink);
  } catch (error) {
    if (error instanceof PosthornError) throw error;
    throw invalidArgument(`the message is not one: ${(error as Error).message}`);
  }
}

function checkSize(pending: PendingMessage): void {
  if (pending.sizeBytes <= RECORD_BYTES_MAX) return;
  throw new PosthornError(
    'record_too_large',
    `the message has about ${pending.sizeBytes} bytes; ${RECORD_BYTES_MAX} are taken`,
    { details: { bytes_max: RECORD_BYTES_MAX } },
  );
}
