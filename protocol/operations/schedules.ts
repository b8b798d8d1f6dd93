/** The calls on schedules. */

import {
  scheduleDeclarationSchema,
  scheduleDeletedSchema,
  scheduleListSchema,
  scheduleSchema,
  scheduleTriggeredSchema,
  scheduleWithStateSchema,
} from '../schemas/schedules.ts';
import { namePageQuerySchema } from '../schemas/pages.ts';
import { onAll, onSchedule } from './access-rule.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const SCHEDULES = `${NAMESPACE_PATH}/schedules`;
const SCHEDULE = `${SCHEDULES}/{schedule}`;
const SCHEDULE_ERRORS = [...NAMESPACE_ERRORS, 'schedule_not_found'] as const;

export const scheduleOperations = {
  listSchedules: {
    id: 'listSchedules',
    method: 'get',
    path: SCHEDULES,
    tag: 'schedules',
    access: onAll('schedule', 'view'),
    summary: 'List the schedules',
    query: namePageQuerySchema,
    replies: {
      200: { description: 'A page of the schedules of the namespace, by name', json: scheduleListSchema },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  putSchedule: {
    id: 'putSchedule',
    method: 'put',
    path: SCHEDULE,
    tag: 'schedules',
    access: onSchedule('manage', '`write` on the target'),
    summary: 'Create or replace a schedule: a message published at the times of a cron expression',
    body: { json: scheduleDeclarationSchema },
    replies: {
      200: { description: 'It existed, and now has the given settings', json: scheduleSchema },
      201: { description: 'It was created', json: scheduleSchema },
    },
    errors: [
      ...NAMESPACE_ERRORS,
      'queue_not_found',
      'topic_not_found',
      'exchange_not_found',
      'exchange_internal',
      'key_required',
      'invalid_message',
      'record_too_large',
      'too_many_schedules',
      ...BODY_ERRORS,
    ],
  },
  getSchedule: {
    id: 'getSchedule',
    method: 'get',
    path: SCHEDULE,
    tag: 'schedules',
    access: onSchedule('view'),
    summary: 'Read a schedule, with its next occurrence and the outcome of the last one',
    replies: { 200: { description: 'The schedule and its state', json: scheduleWithStateSchema } },
    errors: [...SCHEDULE_ERRORS, 'schedule_unavailable'],
  },
  deleteSchedule: {
    id: 'deleteSchedule',
    method: 'delete',
    path: SCHEDULE,
    tag: 'schedules',
    access: onSchedule('manage'),
    summary: 'Delete a schedule, and its publishes that still wait',
    replies: { 200: { description: 'It is deleted', json: scheduleDeletedSchema } },
    errors: SCHEDULE_ERRORS,
  },
  pauseSchedule: {
    id: 'pauseSchedule',
    method: 'post',
    path: `${SCHEDULE}/pause`,
    tag: 'schedules',
    access: onSchedule('operate'),
    summary: 'Pause a schedule: publish nothing until it is resumed',
    replies: { 200: { description: 'It is paused', json: scheduleSchema } },
    errors: SCHEDULE_ERRORS,
  },
  resumeSchedule: {
    id: 'resumeSchedule',
    method: 'post',
    path: `${SCHEDULE}/resume`,
    tag: 'schedules',
    access: onSchedule('operate'),
    summary:
      'Resume a schedule with the next occurrence. Occurrences during the pause are not caught up with',
    replies: { 200: { description: 'It is running', json: scheduleSchema } },
    errors: SCHEDULE_ERRORS,
  },
  triggerSchedule: {
    id: 'triggerSchedule',
    method: 'post',
    path: `${SCHEDULE}/trigger`,
    tag: 'schedules',
    access: onSchedule('operate'),
    summary: 'Publish the message of a schedule now, also while it is paused. Its own times stay unchanged',
    replies: { 200: { description: 'The outcome', json: scheduleTriggeredSchema } },
    errors: [...SCHEDULE_ERRORS, 'schedule_busy', 'schedule_unavailable'],
  },
} as const satisfies Record<string, Operation>;
