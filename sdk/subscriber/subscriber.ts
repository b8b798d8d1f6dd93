/** Subscriber: the function of a Worker that a subscription calls, made of a handler of batches. */

import type { PushBatch, PushBatchReply } from '../../protocol/push-batch.ts';
import { PushedBatch } from './pushed-batch.ts';

/** What of the context of a call every runtime has. */
export interface SubscriberContext {
  waitUntil(promise: Promise<unknown>): void;
}

export type SubscriberHandler<Env, Context> = (batch: PushedBatch, env: Env, ctx: Context) => unknown;

/**
 * Makes a handler what the broker calls. When the handler returns, the messages of which it has said nothing are done; when it
 * throws, they are tried again. `ack` and `retry` of a message, and `ackAll` and `retryAll` of the batch, say something else.
 *
 * @example
 * export default {
 *   posthorn: subscriber<Env>(async (batch, env) => {
 *     for (const message of batch.messages) await store(env, message.json());
 *   }),
 * };
 */
export function subscriber<Env = unknown, Context = SubscriberContext>(
  handler: SubscriberHandler<Env, Context>,
): (batch: PushBatch, env: Env, ctx: Context) => Promise<PushBatchReply> {
  return async (given, env, ctx) => {
    const batch = new PushedBatch(given);
    try {
      await handler(batch, env, ctx);
      return batch.reply();
    } catch (error) {
      return batch.reply({ error });
    }
  };
}
