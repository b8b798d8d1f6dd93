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
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const DEAD_LETTERS = `${NAMESPACE_PATH}/queues/{queue}/dead-letters`;
const REPLAYS = `${DEAD_LETTERS}/replays`;
const ERRORS = [...NAMESPACE_ERRORS, ...FIELD_ERRORS, 'queue_not_found', 'queue_unavailable'] as const;
const TARGET_ERRORS = ['exchange_not_found', 'replay_refused'] as const;

export const deadLetterOperations = {
  listDeadLetters: {
    id: 'listDeadLetters',
    method: 'get',
    path: DEAD_LETTERS,
    tag: 'dead letters',
    summary: 'List dead letters, in the order in which they would be delivered',
    query: deadLetterListQuerySchema,
    replies: { 200: { description: 'A page of them', json: deadLetterListSchema } },
    errors: ERRORS,
  },
  purgeDeadLetters: {
    id: 'purgeDeadLetters',
    method: 'delete',
    path: DEAD_LETTERS,
    tag: 'dead letters',
    summary: 'Remove dead letters for good: all, or those that match',
    query: deadLetterFilterQuerySchema,
    replies: { 200: { description: 'How many went', json: deadLettersPurgedSchema } },
    errors: ERRORS,
  },
  exportDeadLetters: {
    id: 'exportDeadLetters',
    method: 'get',
    path: `${DEAD_LETTERS}/export`,
    tag: 'dead letters',
    summary: 'All dead letters that match as JSON lines (application/jsonl), streamed',
    query: deadLetterFilterQuerySchema,
    replies: {
      200: {
        description:
          'One dead letter a line, and a last line `{"count": n}` with their number: without it the export is not complete',
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
    summary: 'Send dead letters back: one, some or all, at a rate, to where they came from or elsewhere',
    query: deadLetterWhereSchema,
    body: { json: replayRequestSchema },
    replies: {
      200: { description: 'A dry run: what would be replayed', json: dryRunSchema },
      202: { description: 'It has begun; its progress is at `replays/{replay}`', json: replaySchema },
    },
    errors: [...ERRORS, ...BODY_ERRORS, ...TARGET_ERRORS],
  },
  listReplays: {
    id: 'listReplays',
    method: 'get',
    path: REPLAYS,
    tag: 'dead letters',
    summary: 'The replays that a queue remembers, the oldest first',
    query: deadLetterWhereSchema,
    replies: { 200: { description: 'With their progress', json: replayListSchema } },
    errors: ERRORS,
  },
  getReplay: {
    id: 'getReplay',
    method: 'get',
    path: `${REPLAYS}/{replay}`,
    tag: 'dead letters',
    summary: 'The progress of a replay',
    query: deadLetterWhereSchema,
    replies: { 200: { description: 'How far it is', json: replaySchema } },
    errors: [...ERRORS, 'replay_not_found'],
  },
  cancelReplay: {
    id: 'cancelReplay',
    method: 'delete',
    path: `${REPLAYS}/{replay}`,
    tag: 'dead letters',
    summary: 'Stop a replay. What has left stays where it went',
    query: deadLetterWhereSchema,
    replies: { 200: { description: 'How far it came', json: replaySchema } },
    errors: [...ERRORS, 'replay_not_found'],
  },
  getDeadLetter: {
    id: 'getDeadLetter',
    method: 'get',
    path: `${DEAD_LETTERS}/{dead_letter}`,
    tag: 'dead letters',
    summary: 'One dead letter',
    query: deadLetterWhereSchema,
    replies: { 200: { description: 'The message and why it died', json: deadLetterSchema } },
    errors: [...ERRORS, 'dead_letter_not_found'],
  },
  resendDeadLetter: {
    id: 'resendDeadLetter',
    method: 'post',
    path: `${DEAD_LETTERS}/{dead_letter}/resend`,
    tag: 'dead letters',
    summary: 'Send one dead letter back, changed where that is asked for',
    query: deadLetterWhereSchema,
    body: { json: resendSchema },
    replies: { 202: { description: 'It is on its way, as it was', json: deadLetterSchema } },
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
