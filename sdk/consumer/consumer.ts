/** The consumer: the class that applications use to take messages from a queue. */

import { DELIVER_MESSAGES_MAX } from '../../protocol/limits.ts';
import { openBody } from '../claims/open-body.ts';
import { checkRange } from '../client/options.ts';
import type { Transport } from '../client/transport.ts';
import { checkWideName } from '../client/names.ts';
import type { Queues } from '../admin/queues.ts';
import { ConsumerRun, type MessageHandler } from './consumer-run.ts';
import { handledOnce } from './exactly-once.ts';
import { consumerConfig, type ConsumerOptions, type ExactlyOnceConsumerOptions } from './options.ts';

/**
 * Takes messages from a queue and hands them to a function, several at once, until it is stopped. It begins at once.
 *
 * A message is acknowledged when the function returns, and nacked with the error when it throws; the queue's retry
 * schedule then says when it comes again. The consumer extends the lease while it holds a message. **A message can
 * arrive twice**, if the process or the network fails after the handler and before the acknowledgement is stored. That
 * is `at-least-once`; `delivery` selects the other levels.
 *
 * The consumer repeats requests after temporary failures for ever, and reports them to `onError`. A permanent failure,
 * such as `queue_not_found`, ends the consumer, and `done` rejects with it.
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
    const { tracing } = transport.config;
    const traced: MessageHandler =
      tracing === undefined
        ? handler
        : (message) => tracing.handle({ name: queue }, [message], () => handler(message));
    const once =
      options.delivery === 'exactly-once'
        ? handledOnce(queue, traced, options, () => this.#run.isStopping)
        : traced;
    const opened: MessageHandler =
      config.bodies === 'claim'
        ? once
        : (message) =>
            message.claim === undefined
              ? once(message)
              : openBody(transport, message, 'body', message.signal).then(() => once(message));
    this.#run = new ConsumerRun(transport, queues, checkWideName('queue', queue), opened, config);
    this.#run.start();
  }

  /**
   * Resolves when the consumer has stopped. Rejects if something else ended it, such as `queue_not_found` or `aborted`.
   * Handle that: in Node an ignored rejection ends the process.
   */
  get done(): Promise<void> {
    return this.#run.done;
  }

  /** Messages that the consumer holds: in handlers, or waiting for one. */
  get inHand(): number {
    return this.#run.inHand;
  }

  /**
   * Changes how many messages the consumer may hold, from 1. It keeps those that it holds already.
   *
   * @throws PosthornError `invalid_argument`
   */
  setPrefetch(prefetch: number): void {
    checkRange('prefetch', prefetch, 1, DELIVER_MESSAGES_MAX);
    this.#run.setPrefetch(prefetch);
  }

  /** Sends the settlements that wait for others. */
  hurry(): void {
    this.#run.hurry();
  }

  /**
   * Takes no more messages, gives back those that no handler has begun, waits for running handlers, and settles their
   * messages. With `settle: 'manual'` it waits for every message to be settled.
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
