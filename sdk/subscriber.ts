/** `posthorn/subscriber`: makes a function of a Worker take what a subscription of the broker pushes to it. */

export type { PushBatch, PushBatchReply } from '../protocol/push-batch.ts';
export type { PushedBatch } from './subscriber/pushed-batch.ts';
export type { PushedMessage, RetryOptions } from './subscriber/pushed-message.ts';
export { subscriber, type SubscriberContext, type SubscriberHandler } from './subscriber/subscriber.ts';
