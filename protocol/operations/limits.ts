/** The calls on the limits of a namespace. */

import { costLimitsReplySchema, costLimitsSchema } from '../schemas/cost-limits.ts';
import { onNamespace } from './access-rule.ts';
import { BODY_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const LIMITS = `${NAMESPACE_PATH}/limits`;

export const limitOperations = {
  getLimits: {
    id: 'getLimits',
    method: 'get',
    path: LIMITS,
    tag: 'limits',
    access: onNamespace('view'),
    summary: 'Read the cost ceiling of the namespace, and the rows written in this hour',
    replies: { 200: { description: 'The limits and the count', json: costLimitsReplySchema } },
    errors: NAMESPACE_ERRORS,
  },
  putLimits: {
    id: 'putLimits',
    method: 'put',
    path: LIMITS,
    tag: 'limits',
    access: onNamespace('manage'),
    summary:
      'Set the ceiling of rows written in an hour. Above it publishes are refused with `cost_ceiling`, and consumers continue',
    body: { json: costLimitsSchema },
    replies: { 200: { description: 'The limits and the count', json: costLimitsReplySchema } },
    errors: [...NAMESPACE_ERRORS, ...BODY_ERRORS],
  },
} as const satisfies Record<string, Operation>;
