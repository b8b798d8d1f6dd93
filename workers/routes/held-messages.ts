/** Single messages that a queue holds: list, read, cancel, run now. */

import type { Hono } from 'hono';
import { formatMessageId, parseMessageId } from '../../core/queue/messages/message-id.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { MessageAnswer, MessageCall } from '../../durable-objects/rpc/queue-messages.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { PAGE_BYTES_MAX } from '../../protocol/limits.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { recordsIn } from '../../protocol/record-batch/index.ts';
import { messageOfRecord, type WrittenMessage } from '../../protocol/schemas/messages.ts';
import {
  messageCancelQuerySchema,
  messageListQuerySchema,
  type HeldMessage,
  type MessageList,
} from '../../protocol/schemas/queue-messages.ts';
import { grantReply, JSON_REPLY_WEIGHT } from '../bounds/reply-bytes.ts';
import { callQueue } from '../calls/queue-call.ts';
import { readQueue, type AppContext, type AppEnv } from '../http/context.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { bind } from './bind.ts';

export function heldMessageRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listMessages, async (c) => {
    const query = readQuery(c, messageListQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const { state, message_id: messageId, ordering_key: orderingKey, limit, after: from } = query.fields;
    const after = from === undefined ? null : parseMessageId(queue.id, from);
    if (from !== undefined && after === null) {
      return problem(c, failure('invalid_field', 'query after: is not a `next` from this queue'));
    }
    const bytesMax = await grantReply(c.req.raw, PAGE_BYTES_MAX, JSON_REPLY_WEIGHT);
    if (isFailure(bytesMax)) return problem(c, bytesMax);
    const answer = await callMessages(c, queue, {
      do: 'list',
      states: state ? [state] : null,
      ...(messageId !== undefined && { messageId }),
      ...(orderingKey !== undefined && { orderingKey }),
      after,
      max: limit,
      bytesMax,
    });
    if (isFailure(answer)) return problem(c, answer);
    const { next } = answer.page!;
    return jsonReply(c, {
      queue: queue.name,
      messages: messagesOf(answer),
      ...(next && { next: formatMessageId(queue.id, next) }),
    } satisfies MessageList<WrittenMessage>);
  });

  bind(app, calls.getMessage, async (c) => {
    const bytesMax = await grantReply(c.req.raw, PAGE_BYTES_MAX, JSON_REPLY_WEIGHT);
    if (isFailure(bytesMax)) return problem(c, bytesMax);
    const answer = await callOne(c, (position) => ({ do: 'get', position }));
    return isFailure(answer) ? problem(c, answer) : jsonReply(c, messagesOf(answer)[0]!);
  });

  bind(app, calls.cancelMessage, async (c) => {
    const query = readQuery(c, messageCancelQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { dead_letter: isDeadLetter, reason } = query.fields;
    if (isDeadLetter !== 'true' && reason !== undefined) {
      return problem(
        c,
        failure('invalid_field', 'query reason: needs dead_letter=true, because nothing else keeps it'),
      );
    }
    const error =
      isDeadLetter === 'true' ? { type: 'cancelled', message: reason ?? 'somebody cancelled it' } : null;
    const answer = await callOne(c, (position) => ({ do: 'cancel', position, error }));
    return isFailure(answer) ? problem(c, answer) : c.json(answer.done!);
  });

  bind(app, calls.runMessage, async (c) => {
    const answer = await callOne(c, (position) => ({ do: 'run', position }));
    return isFailure(answer) ? problem(c, answer) : c.json(answer.done!);
  });
}

type OneCall = (position: Extract<MessageCall, { do: 'get' }>['position']) => MessageCall;

/** Calls the queue about the message that the path names. */
async function callOne(c: AppContext, what: OneCall): Promise<MessageAnswer | Failure> {
  const queue = await readQueue(c);
  if (isFailure(queue)) return queue;
  const id = c.req.param('message') ?? '';
  const position = parseMessageId(queue.id, id);
  const answer =
    position === null ? ({ refused: 'not_found' } as const) : await callMessages(c, queue, what(position));
  return isFailure(answer) ? answer : (refusalOf(queue, id, answer) ?? answer);
}

export function callMessages(
  c: AppContext,
  queue: QueueDefinition,
  what: MessageCall,
): Promise<MessageAnswer | Failure> {
  return callQueue<MessageAnswer>(
    c.env,
    queue,
    async (stub, version) => (await stub.messages(version, what)) as MessageAnswer,
  );
}

function refusalOf(
  { name }: QueueDefinition,
  id: string,
  { refused, leasedUntilMs }: MessageAnswer,
): Failure | null {
  if (refused === undefined) return null;
  if (refused === 'keyed')
    return failure('message_keyed', 'it has an ordering key, and messages before it may have the same');
  if (refused === 'leased') {
    const what = `a consumer of queue "${name}" has it: wait until it is settled or given back`;
    return failure('message_leased', what, { lease_expires_at: leasedUntilMs });
  }
  return failure(
    'message_not_found',
    `queue "${name}" holds no message "${id.slice(0, 64)}": it is done, or it has moved on and a list shows its new id`,
  );
}

function messagesOf({ page }: MessageAnswer): HeldMessage<WrittenMessage>[] {
  const { details, batches } = page!;
  return recordsIn(batches).map((record, index) => {
    const { id, state, ...rest } = details[index]!;
    return { id, state, ...messageOfRecord(record), ...rest };
  });
}
