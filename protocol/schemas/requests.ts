/**
 * The contract of request-reply: a message is published, and the call answers with the reply to it. As RabbitMQ's direct
 * reply-to, it needs no queue for replies: `reply_to` of the request names a waiting call, and whoever takes the request
 * publishes the reply to the default exchange with that name as the routing key. A reply is kept nowhere: it is handed
 * over at most once, and one that comes when nobody waits is unroutable.
 */

import * as z from '../zod.ts';
import { exchangeMessageSchema } from './exchanges.ts';
import { WAIT_MS_MAX } from '../limits.ts';
import { messageOutShape, type MessageOut } from './messages.ts';

/** Names that begin with it are those of waiting calls. No queue can have one. */
export const REPLY_ADDRESS_PREFIX = 'amq.reply.';

const REPLY_WAIT_MS_DEFAULT = 30_000;

/** Where a call waits: the id of a mailbox, in hexadecimal, and a name in it, which nobody can guess. */
export interface ReplyAddress {
  mailbox: string;
  slot: string;
}

const ADDRESS_PATTERN = /^amq\.reply\.([0-9a-f]{64})\.([0-9a-f]{32})$/;

export function formatReplyAddress({ mailbox, slot }: ReplyAddress): string {
  return `${REPLY_ADDRESS_PREFIX}${mailbox}.${slot}`;
}

/** Null for what is no address of a waiting call. */
export function parseReplyAddress(text: string): ReplyAddress | null {
  const match = ADDRESS_PATTERN.exec(text);
  return match && { mailbox: match[1]!, slot: match[2]! };
}

const waitMs = () => z.int().min(1).max(WAIT_MS_MAX);

export const requestSchema = exchangeMessageSchema.omit({ mandatory: true }).extend({
  wait_ms: waitMs()
    .optional()
    .describe('As in the query. `properties.expiration_ms` is how long the request is of use'),
});

export const requestQuerySchema = z.strictObject({
  wait_ms: waitMs().default(REPLY_WAIT_MS_DEFAULT).describe('How long to wait for the reply'),
});

export const requestReplySchema = z.object({
  reply: z.object(messageOutShape).describe('The first that was published to `reply_to` of the request'),
});
export type RequestReply = { reply: MessageOut };
