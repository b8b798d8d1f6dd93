/** The calls on queues and their messages. */

import { z } from 'zod';
import {
  deliveriesSchema,
  deliverSchema,
  endWaitsQuerySchema,
  peekedSchema,
  peekQuerySchema,
  queueBatchesPublishedSchema,
  queuePublishedSchema,
  queuePublishQuerySchema,
  queuePublishSchema,
  settledSchema,
  settleQuerySchema,
  settleSchema,
  streamQuerySchema,
  waitsEndedSchema,
} from '../schemas/deliveries.ts';
import { DELIVERIES_TYPE, SETTLEMENTS_TYPE } from '../media-types.ts';
import {
  queueChangeSchema,
  queueDeclarationSchema,
  queueDeletedSchema,
  queueDeleteQuerySchema,
  queueListSchema,
  queuePausedSchema,
  queuePurgedSchema,
  queueSchema,
  queueWithStateSchema,
} from '../schemas/queues.ts';
import { namePageQuerySchema } from '../schemas/pages.ts';
import { onAll, onQueue } from './access-rule.ts';
import {
  BODY_ERRORS,
  FIELD_ERRORS,
  NAMESPACE_ERRORS,
  NAMESPACE_PATH,
  WHILE_WAITING,
  type Operation,
} from './operation.ts';

const QUEUES = `${NAMESPACE_PATH}/queues`;
const QUEUE = `${QUEUES}/{queue}`;
const QUEUE_ERRORS = [...NAMESPACE_ERRORS, 'queue_not_found', 'queue_unavailable'] as const;

export const queueOperations = {
  listQueues: {
    id: 'listQueues',
    method: 'get',
    path: QUEUES,
    tag: 'queues',
    access: onAll('queue', 'view'),
    summary: 'List the queues',
    query: namePageQuerySchema,
    replies: {
      200: { description: 'A page of the queues of the namespace, by name', json: queueListSchema },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  declareQueue: {
    id: 'declareQueue',
    method: 'put',
    path: QUEUE,
    tag: 'queues',
    access: onQueue('manage', '`write` on where dead letters go'),
    summary:
      'Create a queue, or check that it has the given settings. Fields that are left out take their defaults and are not checked',
    body: { json: queueDeclarationSchema },
    replies: {
      200: { description: 'It existed with the same settings', json: queueSchema },
      201: { description: 'It was created', json: queueSchema },
    },
    errors: [...NAMESPACE_ERRORS, 'queue_differs', ...BODY_ERRORS],
  },
  getQueue: {
    id: 'getQueue',
    method: 'get',
    path: QUEUE,
    tag: 'queues',
    access: onQueue('view'),
    summary: 'Read the definition of a queue, how many messages it holds, and its meter',
    replies: { 200: { description: 'The definition and the state', json: queueWithStateSchema } },
    errors: QUEUE_ERRORS,
  },
  changeQueue: {
    id: 'changeQueue',
    method: 'patch',
    path: QUEUE,
    tag: 'queues',
    access: onQueue('manage', '`write` on where dead letters go'),
    summary: 'Change the definition of a queue',
    body: { json: queueChangeSchema },
    replies: { 200: { description: 'The new definition', json: queueSchema } },
    errors: [...QUEUE_ERRORS, ...BODY_ERRORS],
  },
  deleteQueue: {
    id: 'deleteQueue',
    method: 'delete',
    path: QUEUE,
    tag: 'queues',
    access: onQueue('manage'),
    summary: 'Delete a queue and its messages',
    query: queueDeleteQuerySchema,
    replies: { 200: { description: 'It is deleted', json: queueDeletedSchema } },
    errors: [...QUEUE_ERRORS, ...FIELD_ERRORS, 'queue_in_use', 'queue_not_empty'],
  },
  publishToQueue: {
    id: 'publishToQueue',
    method: 'post',
    path: `${QUEUE}/messages`,
    tag: 'messages',
    access: onQueue('write'),
    summary: 'Publish messages straight to a queue',
    query: queuePublishQuerySchema,
    body: { json: queuePublishSchema, batches: true },
    replies: {
      200: {
        description: 'The outcome of each message: `results` for JSON, `exceptions` for record batches',
        json: z.union([queuePublishedSchema, queueBatchesPublishedSchema]),
      },
    },
    errors: [
      ...QUEUE_ERRORS,
      ...BODY_ERRORS,
      'truncated_batch',
      'unsupported_magic',
      'corrupt_batch',
      'unsupported_compression',
      'invalid_batch',
      'batch_too_large',
      'record_too_large',
      'too_many_records',
      'invalid_message',
      'queue_full',
      'queue_overloaded',
      'storage_full',
      'out_of_order_sequence',
      'unknown_producer',
      'producer_fenced',
      'cost_ceiling',
    ],
  },
  peekQueue: {
    id: 'peekQueue',
    method: 'get',
    path: `${QUEUE}/messages`,
    tag: 'messages',
    access: onQueue('read'),
    summary: 'Peek at the next messages without taking them',
    query: peekQuerySchema,
    replies: { 200: { description: 'In the order in which they would be delivered', json: peekedSchema } },
    errors: [...QUEUE_ERRORS, ...FIELD_ERRORS],
  },
  deliver: {
    id: 'deliver',
    method: 'post',
    path: `${QUEUE}/deliveries`,
    tag: 'messages',
    access: onQueue('read'),
    summary: 'Take messages under a lease, and optionally wait for the first',
    body: { json: deliverSchema },
    replies: {
      200: {
        description: `The messages; none if the time was over. ${WHILE_WAITING}`,
        json: deliveriesSchema,
        frame: {
          type: DELIVERIES_TYPE,
          description:
            'The same as bytes (docs/frames.md), if `accept` asks for it. With `;padded=1` bytes 0xFF may come first; without it a wait ends after 2.5 s',
        },
      },
    },
    errors: [...QUEUE_ERRORS, ...BODY_ERRORS, 'consumer_id_required'],
  },
  endWaits: {
    id: 'endWaits',
    method: 'delete',
    path: `${QUEUE}/waits`,
    tag: 'messages',
    access: onQueue('read'),
    summary:
      'End the waits of a consumer that is about to stop, so that no message is on its way to a request that it cancels',
    query: endWaitsQuerySchema,
    replies: { 200: { description: 'The number of ended waits', json: waitsEndedSchema } },
    errors: [...QUEUE_ERRORS, ...FIELD_ERRORS],
  },
  settle: {
    id: 'settle',
    method: 'post',
    path: `${QUEUE}/settlements`,
    tag: 'messages',
    access: onQueue('read'),
    summary: 'Settle deliveries. Each tag stands alone: an error in one does not affect the others',
    query: settleQuerySchema,
    body: {
      json: settleSchema,
      frame: { type: SETTLEMENTS_TYPE, description: 'Settlements of runs of messages (docs/frames.md)' },
    },
    replies: {
      200: {
        description: 'The outcome of each tag, in the form of the request',
        json: settledSchema,
        frame: { type: SETTLEMENTS_TYPE, description: 'The outcomes (docs/frames.md)' },
      },
    },
    errors: [...QUEUE_ERRORS, ...BODY_ERRORS, 'too_many_tags', 'invalid_frame'],
  },
  streamQueue: {
    id: 'streamQueue',
    method: 'get',
    path: `${QUEUE}/stream`,
    tag: 'messages',
    access: onQueue('read'),
    summary:
      'Open a WebSocket on which the queue pushes deliveries and the consumer settles them. When it ends, unsettled messages go back to the queue',
    query: streamQuerySchema,
    replies: {
      101: {
        description:
          'The socket. It brings deliveries, and for each settlement an answer with `results` and the `id` of the settlement. Settlements as bytes are answered with bytes. `{"prefetch": n}` is answered with the same when it is in force',
        json: deliveriesSchema,
        frame: { type: DELIVERIES_TYPE, description: 'With `frames=binary` (docs/frames.md)' },
      },
    },
    errors: [...QUEUE_ERRORS, ...FIELD_ERRORS, 'upgrade_required'],
  },
  purgeQueue: {
    id: 'purgeQueue',
    method: 'post',
    path: `${QUEUE}/purge`,
    tag: 'queues',
    access: onQueue('manage'),
    summary: 'Remove all messages except those that consumers hold',
    replies: { 200: { description: 'The number of removed messages', json: queuePurgedSchema } },
    errors: QUEUE_ERRORS,
  },
  pauseQueue: {
    id: 'pauseQueue',
    method: 'post',
    path: `${QUEUE}/pause`,
    tag: 'queues',
    access: onQueue('operate'),
    summary: 'Pause a queue: deliver nothing until it is resumed',
    replies: { 200: { description: 'It is paused', json: queuePausedSchema } },
    errors: QUEUE_ERRORS,
  },
  resumeQueue: {
    id: 'resumeQueue',
    method: 'post',
    path: `${QUEUE}/resume`,
    tag: 'queues',
    access: onQueue('operate'),
    summary: 'Resume a queue',
    replies: { 200: { description: 'The queue delivers again', json: queuePausedSchema } },
    errors: QUEUE_ERRORS,
  },
} as const satisfies Record<string, Operation>;
