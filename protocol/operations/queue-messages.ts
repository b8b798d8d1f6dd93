/** The calls on single messages that a queue holds: list, read, cancel, run now. */

import {
  heldMessageSchema,
  messageCancelledSchema,
  messageCancelQuerySchema,
  messageListQuerySchema,
  messageListSchema,
  messageRunSchema,
} from '../schemas/queue-messages.ts';
import { onQueue } from './access-rule.ts';
import { FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const MESSAGES = `${NAMESPACE_PATH}/queues/{queue}/messages`;
const MESSAGE = `${MESSAGES}/{message}`;
const ERRORS = [...NAMESPACE_ERRORS, 'queue_not_found', 'queue_unavailable'] as const;

export const queueMessageOperations = {
  listMessages: {
    id: 'listMessages',
    method: 'get',
    path: `${MESSAGES}/list`,
    tag: 'messages',
    access: onQueue('read'),
    summary:
      'List the messages that a queue holds, without taking them: ready and leased ones in the order of delivery, then waiting and delayed ones in the order of their time',
    query: messageListQuerySchema,
    replies: { 200: { description: 'A page of messages', json: messageListSchema } },
    errors: [...ERRORS, ...FIELD_ERRORS],
  },
  getMessage: {
    id: 'getMessage',
    method: 'get',
    path: MESSAGE,
    tag: 'messages',
    access: onQueue('read'),
    summary: 'Read a message that a queue holds, without taking it',
    replies: { 200: { description: 'The message and its state', json: heldMessageSchema } },
    errors: [...ERRORS, 'message_not_found'],
  },
  cancelMessage: {
    id: 'cancelMessage',
    method: 'delete',
    path: MESSAGE,
    tag: 'messages',
    access: onQueue('operate'),
    audit: true,
    summary:
      'Cancel a message that is ready, delayed or waiting: remove it for good, or make it a dead letter. A leased one belongs to its consumer and is refused',
    query: messageCancelQuerySchema,
    replies: { 200: { description: 'It is not delivered any more', json: messageCancelledSchema } },
    errors: [...ERRORS, ...FIELD_ERRORS, 'message_not_found', 'message_leased'],
  },
  runMessage: {
    id: 'runMessage',
    method: 'post',
    path: `${MESSAGE}/run`,
    tag: 'messages',
    access: onQueue('operate'),
    audit: true,
    summary:
      'Run a message now: a delayed or waiting one becomes ready, a ready one goes before the others of its priority',
    replies: { 200: { description: 'What became of it', json: messageRunSchema } },
    errors: [...ERRORS, 'message_not_found', 'message_leased', 'message_keyed'],
  },
} as const satisfies Record<string, Operation>;
