/** The call that asks where a message would go. */

import { routeRequestSchema, routeSchema } from '../schemas/routes.ts';
import { onExchange } from './access-rule.ts';
import { BODY_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

export const routeOperations = {
  routeMessage: {
    id: 'routeMessage',
    method: 'post',
    path: `${NAMESPACE_PATH}/exchanges/{exchange}/route`,
    tag: 'exchanges',
    access: onExchange('view', 'the exchanges on the way that the caller may not `view` are not shown'),
    summary:
      'Ask where a message would go, with bindings between exchanges and alternate exchanges. Nothing is published',
    body: { json: routeRequestSchema },
    replies: { 200: { description: 'Its destinations, and how it gets there', json: routeSchema } },
    errors: [...NAMESPACE_ERRORS, 'exchange_not_found', 'exchange_internal', ...BODY_ERRORS],
  },
} as const satisfies Record<string, Operation>;
