/** Exactly-once handler: runs once for each message, as far as its store can tell. */

import { sleep } from '../client/sleep.ts';
import { asPosthornError } from '../errors.ts';
import { once } from '../idempotency/once.ts';
import type { MessageHandler } from './consumer-run.ts';
import type { ExactlyOnceConsumerOptions } from './options.ts';

/** The time between two checks whether another consumer's run has ended, in ms. */
const LOOK_MS = 500;

/**
 * While another consumer handles the message, this consumer keeps it until that run has ended or its lease is over.
 * Nacks would count as failures and make it a dead letter.
 *
 * @param isStopping then nobody waits for others
 */
export function handledOnce(
  queue: string,
  handler: MessageHandler,
  { handled, once: { idOf, ...limits } = {} }: ExactlyOnceConsumerOptions,
  isStopping: () => boolean,
): MessageHandler {
  return async (message) => {
    const id = idOf ? idOf(message) : message.properties.messageId;
    let hasBegun = false;
    const run = (): unknown => {
      hasBegun = true;
      return handler(message);
    };
    for (;;) {
      try {
        await once(handled, id ? `${queue}/${id}` : undefined, run, limits);
        return;
      } catch (error) {
        if (!id) void message.reject({ error }); // to try again would not help
        if (hasBegun || asPosthornError(error).code !== 'message_in_progress') throw error;
      }
      if (isStopping()) return void message.release();
      await sleep(LOOK_MS, message.signal);
    }
  };
}
