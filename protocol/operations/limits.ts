/** The calls on the limits of a namespace. */

import { costLimitsReplySchema, costLimitsSchema } from '../schemas/cost-limits.ts';
import { BODY_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const LIMITS = `${NAMESPACE_PATH}/limits`;

export const limitOperations = {
  getLimits: {
    id: 'getLimits',
    method: 'get',
    path: LIMITS,
    tag: 'limits',
    summary: 'Read what the namespace may cost, and what it has cost in this hour',
    replies: { 200: { description: 'The limits and the count', json: costLimitsReplySchema } },
    errors: NAMESPACE_ERRORS,
  },
  putLimits: {
    id: 'putLimits',
    method: 'put',
    path: LIMITS,
    tag: 'limits',
    summary:
      'Set the ceiling of rows written in an hour; above it publishes are refused with `cost_ceiling`, and consumers go on',
    body: { json: costLimitsSchema },
    replies: { 200: { description: 'The limits and the count', json: costLimitsReplySchema } },
    errors: [...NAMESPACE_ERRORS, ...BODY_ERRORS],
  },
} as const satisfies Record<string, Operation>;
