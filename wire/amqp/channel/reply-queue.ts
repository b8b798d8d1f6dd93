/**
 * Reply queue: RabbitMQ's direct reply-to. A client consumes from the pseudo-queue and names it in `reply_to` of its requests. Here
 * it stands for a real queue of the channel, whose name the requests get.
 */

import type { PublishedMessage } from '../broker-port.ts';
import { encodeProperties } from '../codec/frames.ts';
import { portError, type PortError } from '../reply-codes.ts';

export const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';

/** Returns the message with the address of the queue in place of the pseudo-queue. */
export function withReplyQueue(
  message: PublishedMessage,
  replyQueue: string | null,
): PublishedMessage | PortError {
  if (message.properties.replyTo !== DIRECT_REPLY_TO) return message;
  if (replyQueue === null) return portError('precondition-failed', 'fast reply consumer does not exist');
  const properties = { ...message.properties, replyTo: replyQueue };
  return { ...message, properties, rawProperties: encodeProperties(properties) };
}
