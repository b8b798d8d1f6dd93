/** The call that waits for a reply. */

import { requestQuerySchema, requestReplySchema, requestSchema } from '../schemas/requests.ts';
import { onExchange } from './access-rule.ts';
import { BODY_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

export const requestOperations = {
  request: {
    id: 'request',
    method: 'post',
    path: `${NAMESPACE_PATH}/exchanges/{exchange}/requests`,
    tag: 'exchanges',
    access: onExchange('write'),
    summary:
      'Publish a request and wait for the reply. To ask a queue, use `amq.default` with the name of the queue as the routing key',
    query: requestQuerySchema,
    body: { json: requestSchema, batches: true },
    replies: { 200: { description: 'The reply', json: requestReplySchema } },
    errors: [
      ...NAMESPACE_ERRORS,
      'exchange_not_found',
      'exchange_internal',
      'invalid_message',
      'record_too_large',
      'too_many_records',
      'truncated_batch',
      'unsupported_magic',
      'corrupt_batch',
      'unsupported_compression',
      'invalid_batch',
      'key_required',
      'unroutable',
      'no_reply',
      'publish_incomplete',
      'queue_full',
      'queue_overloaded',
      'storage_full',
      'cost_ceiling',
      'queue_unavailable',
      'partition_overloaded',
      'partition_unavailable',
      ...BODY_ERRORS,
    ],
  },
} as const satisfies Record<string, Operation>;
