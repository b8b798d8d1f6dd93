/** The calls on moves of messages from one queue to another. */

import { moveDryRunSchema, moveListSchema, moveRequestSchema, moveSchema } from '../schemas/moves.ts';
import { onQueue } from './access-rule.ts';
import { BODY_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const QUEUE = `${NAMESPACE_PATH}/queues/{queue}`;
const MOVES = `${QUEUE}/moves`;
const ERRORS = [...NAMESPACE_ERRORS, 'queue_not_found', 'queue_unavailable'] as const;

export const moveOperations = {
  moveMessages: {
    id: 'moveMessages',
    method: 'post',
    path: `${QUEUE}/move`,
    tag: 'messages',
    access: onQueue(
      'operate',
      '`read` on the queue, because the target shows them, and `write` on the target',
    ),
    audit: true,
    summary: 'Move messages to another queue, some or all, at a rate. Messages that consumers have stay',
    body: { json: moveRequestSchema },
    replies: {
      200: { description: 'A dry run: how many would be moved', json: moveDryRunSchema },
      202: { description: 'The move has begun. `moves/{move}` shows its progress', json: moveSchema },
    },
    errors: [...ERRORS, ...BODY_ERRORS],
  },
  listMoves: {
    id: 'listMoves',
    method: 'get',
    path: MOVES,
    tag: 'messages',
    access: onQueue('view'),
    summary: 'List the moves that a queue remembers, the oldest first',
    replies: { 200: { description: 'The moves with their progress', json: moveListSchema } },
    errors: ERRORS,
  },
  getMove: {
    id: 'getMove',
    method: 'get',
    path: `${MOVES}/{move}`,
    tag: 'messages',
    access: onQueue('view'),
    summary: 'Read the progress of a move',
    replies: { 200: { description: 'The progress', json: moveSchema } },
    errors: [...ERRORS, 'move_not_found'],
  },
  cancelMove: {
    id: 'cancelMove',
    method: 'delete',
    path: `${MOVES}/{move}`,
    tag: 'messages',
    access: onQueue('operate'),
    audit: true,
    summary: 'Stop a move. Messages that have left stay at their target',
    replies: { 200: { description: 'The final progress', json: moveSchema } },
    errors: [...ERRORS, 'move_not_found'],
  },
} as const satisfies Record<string, Operation>;
