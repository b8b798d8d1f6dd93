/** The handler of a consumer that runs once for each message, as far as its store can tell. */

import { sleep } from '../client/sleep.ts';
import { asPosthornError } from '../errors.ts';
import { once } from '../idempotency/once.ts';
import type { MessageHandler } from './consumer-run.ts';
import type { ExactlyOnceConsumerOptions } from './options.ts';

/** Between two looks for the end of somebody else's run, in ms. */
const LOOK_MS = 500;

/**
 * A message that somebody else handles stays in hand until that run has ended or its lease is over: giving it back would
 * count as failures, and end among the dead letters.
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
