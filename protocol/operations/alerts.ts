/** The calls on alerts. */

import {
  alertDeclarationSchema,
  alertDeletedSchema,
  alertListSchema,
  alertSchema,
} from '../schemas/alerts.ts';
import { namePageQuerySchema } from '../schemas/pages.ts';
import { onAll } from './access-rule.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const ALERTS = `${NAMESPACE_PATH}/alerts`;
const ALERT = `${ALERTS}/{alert}`;
const ALERT_ERRORS = [...NAMESPACE_ERRORS, 'alert_not_found'] as const;

export const alertOperations = {
  listAlerts: {
    id: 'listAlerts',
    method: 'get',
    path: ALERTS,
    tag: 'alerts',
    access: onAll('queue', 'view'),
    summary: 'List the alert rules',
    query: namePageQuerySchema,
    replies: { 200: { description: 'A page of the rules of the namespace, by name', json: alertListSchema } },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  putAlert: {
    id: 'putAlert',
    method: 'put',
    path: ALERT,
    tag: 'alerts',
    access: onAll('queue', 'manage'),
    summary:
      'Create or replace an alert rule: a signed notice to a webhook when a queue is above a threshold, and when it has recovered',
    body: { json: alertDeclarationSchema },
    replies: {
      200: { description: 'It existed, and now has the given settings', json: alertSchema },
      201: { description: 'It was created', json: alertSchema },
    },
    errors: [...NAMESPACE_ERRORS, 'too_many_alerts', ...BODY_ERRORS],
  },
  getAlert: {
    id: 'getAlert',
    method: 'get',
    path: ALERT,
    tag: 'alerts',
    access: onAll('queue', 'view'),
    summary: 'Read an alert rule. The state of each queue says whether the rule fires there',
    replies: { 200: { description: 'The rule, without its secret', json: alertSchema } },
    errors: ALERT_ERRORS,
  },
  deleteAlert: {
    id: 'deleteAlert',
    method: 'delete',
    path: ALERT,
    tag: 'alerts',
    access: onAll('queue', 'manage'),
    summary: 'Delete an alert rule. If it fires, a last notice reports its recovery',
    replies: { 200: { description: 'It is deleted', json: alertDeletedSchema } },
    errors: ALERT_ERRORS,
  },
} as const satisfies Record<string, Operation>;
