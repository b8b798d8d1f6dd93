/** The messages of a queue as an async iterable. */

import type { Transport } from '../client/transport.ts';
import { openBody } from '../claims/open-body.ts';
import { checkWideName } from '../client/names.ts';
import type { Queues } from '../admin/queues.ts';
import { ConsumerRun } from './consumer-run.ts';
import { consumerConfig, type ConsumerOptions } from './options.ts';
import type { ReceivedMessage } from './received-message.ts';

/** The options of a consumer, without those of its handlers. `prefetch` is 100 by default. */
export interface MessagesOptions extends Omit<ConsumerOptions, 'concurrency' | 'settle' | 'delivery'> {
  /** The only level of a loop. For at most once, acknowledge before the work; for exactly once, use `once`. */
  delivery?: 'at-least-once' | undefined;
}

const PREFETCH_DEFAULT = 100;

/**
 * Takes messages from a queue as a loop asks for them. Settle each with `ack`, `nack`, `reject` or `release`, in the
 * loop or later. At most `prefetch` messages come before you settle one. The first is taken when the loop begins.
 * Leaving the loop gives unsettled messages back. Temporary failures are retried for ever and reported to `onError`;
 * permanent ones, such as `queue_not_found`, are thrown in the loop.
 *
 * @example
 * for await (const message of posthorn.messages('mails')) {
 *   await send(message.json());
 *   message.ack();
 * }
 */
export class Messages implements AsyncIterable<ReceivedMessage> {
  readonly #transport: Transport;
  readonly #loadsBodies: boolean;
  readonly #begin: (handler: (message: ReceivedMessage) => void) => ConsumerRun;

  /** Made by `Posthorn`. */
  constructor(transport: Transport, queues: Queues, queue: string, options: MessagesOptions) {
    checkWideName('queue', queue);
    const given = {
      prefetch: PREFETCH_DEFAULT,
      ...options,
      settle: 'manual',
      concurrency: Infinity,
    } as const;
    const config = consumerConfig(given, transport.config);
    this.#transport = transport;
    this.#loadsBodies = config.bodies !== 'claim';
    this.#begin = (handler) => new ConsumerRun(transport, queues, queue, handler, config);
  }

  /** Returns false for a message whose lease was lost, or whose body cannot be had for the moment: the queue brings it again. */
  async #isOpened(message: ReceivedMessage): Promise<boolean> {
    if (message.hand === null) return false;
    if (!this.#loadsBodies || message.claim === undefined) return true;
    try {
      await openBody(this.#transport, message, 'body', message.signal);
    } catch (error) {
      if (message.hand !== null) void message.nack({ error });
    }
    return message.hand !== null;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedMessage, void, undefined> {
    const waiting: ReceivedMessage[] = [];
    let wake = (): void => {};
    let isOver = false;
    const run = this.#begin((message) => {
      waiting.push(message);
      wake();
    });
    const ended = run.done.finally(() => {
      isOver = true;
      wake();
    });
    ended.catch(() => {}); // thrown in the loop
    run.start();
    try {
      while (!isOver) {
        const message = waiting.shift();
        if (message === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if (await this.#isOpened(message)) yield message;
      }
      await ended;
    } finally {
      if (!isOver) {
        const stopped = run.stop();
        run.releaseAll();
        await stopped;
      }
    }
  }
}
