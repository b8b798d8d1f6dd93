/** The calls on dead letters. The queue that the path names is the one they died in, or the one that holds them. */

import {
  deadLetterFilterQuerySchema,
  deadLetterListQuerySchema,
  deadLetterListSchema,
  deadLetterSchema,
  deadLettersPurgedSchema,
  deadLetterWhereSchema,
  dryRunSchema,
  exportLineSchema,
  replayListSchema,
  replayRequestSchema,
  replaySchema,
  resendSchema,
} from '../schemas/dead-letters.ts';
import { onQueue } from './access-rule.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const DEAD_LETTERS = `${NAMESPACE_PATH}/queues/{queue}/dead-letters`;
const REPLAYS = `${DEAD_LETTERS}/replays`;
const ERRORS = [...NAMESPACE_ERRORS, ...FIELD_ERRORS, 'queue_not_found', 'queue_unavailable'] as const;
/** What reads a queue that holds the dead letters of several. */
const HELD = 'the same on the queue that holds the dead letters, if it is not its own';
const TARGET_ERRORS = ['exchange_not_found', 'replay_refused'] as const;

export const deadLetterOperations = {
  listDeadLetters: {
    id: 'listDeadLetters',
    method: 'get',
    path: DEAD_LETTERS,
    tag: 'dead letters',
    access: onQueue('read', HELD),
    summary: 'List dead letters, in the order in which they would be delivered',
    query: deadLetterListQuerySchema,
    replies: { 200: { description: 'A page of dead letters', json: deadLetterListSchema } },
    errors: ERRORS,
  },
  purgeDeadLetters: {
    id: 'purgeDeadLetters',
    method: 'delete',
    path: DEAD_LETTERS,
    tag: 'dead letters',
    access: onQueue('operate', HELD),
    summary: 'Remove dead letters for good: all, or those that match',
    query: deadLetterFilterQuerySchema,
    replies: { 200: { description: 'The number of removed messages', json: deadLettersPurgedSchema } },
    errors: ERRORS,
  },
  exportDeadLetters: {
    id: 'exportDeadLetters',
    method: 'get',
    path: `${DEAD_LETTERS}/export`,
    tag: 'dead letters',
    access: onQueue('read', HELD),
    summary: 'Export all dead letters that match, streamed as JSON lines (application/jsonl)',
    query: deadLetterFilterQuerySchema,
    replies: {
      200: {
        description:
          'One dead letter in each line. The last line is `{"count": n}`; an export without it is incomplete',
        json: exportLineSchema,
        isLines: true,
      },
    },
    errors: ERRORS,
  },
  replayDeadLetters: {
    id: 'replayDeadLetters',
    method: 'post',
    path: `${DEAD_LETTERS}/replay`,
    tag: 'dead letters',
    access: onQueue('operate', `${HELD}; \`write\` on the target that the body names`),
    summary: 'Send dead letters back, some or all, at a rate, to their original queue or to another target',
    query: deadLetterWhereSchema,
    body: { json: replayRequestSchema },
    replies: {
      200: { description: 'A dry run: how many would be replayed', json: dryRunSchema },
      202: { description: 'The replay has begun. `replays/{replay}` shows its progress', json: replaySchema },
    },
    errors: [...ERRORS, ...BODY_ERRORS, ...TARGET_ERRORS],
  },
  listReplays: {
    id: 'listReplays',
    method: 'get',
    path: REPLAYS,
    tag: 'dead letters',
    access: onQueue('view', HELD),
    summary: 'List the replays that a queue remembers, the oldest first',
    query: deadLetterWhereSchema,
    replies: { 200: { description: 'The replays with their progress', json: replayListSchema } },
    errors: ERRORS,
  },
  getReplay: {
    id: 'getReplay',
    method: 'get',
    path: `${REPLAYS}/{replay}`,
    tag: 'dead letters',
    access: onQueue('view', HELD),
    summary: 'Read the progress of a replay',
    query: deadLetterWhereSchema,
    replies: { 200: { description: 'The progress', json: replaySchema } },
    errors: [...ERRORS, 'replay_not_found'],
  },
  cancelReplay: {
    id: 'cancelReplay',
    method: 'delete',
    path: `${REPLAYS}/{replay}`,
    tag: 'dead letters',
    access: onQueue('operate', HELD),
    summary: 'Stop a replay. Messages that have left stay at their target',
    query: deadLetterWhereSchema,
    replies: { 200: { description: 'The final progress', json: replaySchema } },
    errors: [...ERRORS, 'replay_not_found'],
  },
  getDeadLetter: {
    id: 'getDeadLetter',
    method: 'get',
    path: `${DEAD_LETTERS}/{dead_letter}`,
    tag: 'dead letters',
    access: onQueue('read', HELD),
    summary: 'Read a dead letter',
    query: deadLetterWhereSchema,
    replies: { 200: { description: 'The message and why it died', json: deadLetterSchema } },
    errors: [...ERRORS, 'dead_letter_not_found'],
  },
  resendDeadLetter: {
    id: 'resendDeadLetter',
    method: 'post',
    path: `${DEAD_LETTERS}/{dead_letter}/resend`,
    tag: 'dead letters',
    access: onQueue(
      'operate',
      `${HELD}; \`write\` on the target that the body names, and on the queue if the body changes the message`,
    ),
    summary: 'Send one dead letter back, with the given changes',
    query: deadLetterWhereSchema,
    body: { json: resendSchema },
    replies: { 202: { description: 'The dead letter as it was; it is on its way', json: deadLetterSchema } },
    errors: [
      ...ERRORS,
      ...BODY_ERRORS,
      ...TARGET_ERRORS,
      'dead_letter_not_found',
      'invalid_message',
      'record_too_large',
    ],
  },
} as const satisfies Record<string, Operation>;
