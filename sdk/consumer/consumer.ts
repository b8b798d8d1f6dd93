/** The consumer: what an application sees of it. */

import type { Transport } from '../client/transport.ts';
import { checkName } from '../client/names.ts';
import type { Queues } from '../admin/queues.ts';
import { ConsumerRun, type MessageHandler } from './consumer-run.ts';
import { handledOnce } from './exactly-once.ts';
import { consumerConfig, type ConsumerOptions, type ExactlyOnceConsumerOptions } from './options.ts';

/**
 * Takes messages from a queue and hands them to a function, several at once, until it is stopped. It begins at once.
 *
 * A message is acknowledged when the function returns, and nacked with the error when it throws; the queue's retry
 * schedule then says when it comes again. Leases are extended as long as a message is in hand. **A message can come
 * twice**: when the process or the network fails after it was handled and before that was stored. That is `at-least-once`;
 * the other levels are to be had with `delivery`.
 *
 * Requests that fail in a way that may pass are tried again for ever; `onError` is told. What cannot pass, such as
 * `queue_not_found`, ends the consumer, and `done` rejects with it.
 *
 * @example
 * const consumer = posthorn.consumer('mails', async (message) => {
 *   await send(message.json());
 * }, { concurrency: 20 });
 * process.once('SIGTERM', () => consumer.stop());
 * await consumer.done;
 */
export class Consumer implements AsyncDisposable {
  readonly #run: ConsumerRun;

  /** Made by `Posthorn`. */
  constructor(
    transport: Transport,
    queues: Queues,
    queue: string,
    handler: MessageHandler,
    options: ConsumerOptions | ExactlyOnceConsumerOptions,
  ) {
    const config = consumerConfig(options, transport.config);
    const once =
      options.delivery === 'exactly-once'
        ? handledOnce(queue, handler, options, () => this.#run.isStopping)
        : handler;
    this.#run = new ConsumerRun(transport, queues, checkName('queue', queue), once, config);
    this.#run.start();
  }

  /**
   * Resolves when the consumer has stopped; rejects with what ended it otherwise, such as `queue_not_found` or `aborted`.
   * Handle it: in Node a consumer that ends otherwise while nobody looks is an unhandled rejection.
   */
  get done(): Promise<void> {
    return this.#run.done;
  }

  /** Messages that it has: those being handled, and those that wait for a handler. */
  get inHand(): number {
    return this.#run.inHand;
  }

  /**
   * Takes no more messages, gives back those that no handler has begun, waits for the handlers that are at work, and
   * settles what they say. With `settle: 'manual'` it waits for every message to be settled.
   *
   * @throws PosthornError what ended the consumer before, if anything did
   */
  stop(): Promise<void> {
    return this.#run.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
