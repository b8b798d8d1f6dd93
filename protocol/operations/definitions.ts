/** The calls on everything that is declared, as one document. */

import {
  applyDefinitionsQuerySchema,
  definitionsAppliedSchema,
  definitionsQuerySchema,
  definitionsSchema,
} from '../schemas/definitions.ts';
import { rabbitmqDefinitionsSchema } from '../schemas/rabbitmq-definitions.ts';
import { onSome } from './access-rule.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const DEFINITIONS = `${NAMESPACE_PATH}/definitions`;

export const definitionOperations = {
  getDefinitions: {
    id: 'getDefinitions',
    method: 'get',
    path: DEFINITIONS,
    tag: 'definitions',
    access: onSome(
      'view',
      '`view` on all of each kind: policies and alerts are queues, share groups are groups',
    ),
    summary: 'Export everything that is declared in the namespace as one document, without secrets',
    query: definitionsQuerySchema,
    replies: { 200: { description: 'The document, as it was at one moment', json: definitionsSchema } },
    errors: [...NAMESPACE_ERRORS, 'definitions_too_large', ...FIELD_ERRORS],
  },
  putDefinitions: {
    id: 'putDefinitions',
    method: 'put',
    path: DEFINITIONS,
    tag: 'definitions',
    access: onSome(
      'manage',
      'what the declaration of each entry asks for; with `prune`, `manage` on all of each kind',
    ),
    audit: true,
    summary:
      'Create and change what a document says, or plan it. All is done in one commit or nothing is, but for queues that are deleted: they follow one by one. A definitions file of RabbitMQ is taken too, without `prune`',
    query: applyDefinitionsQuerySchema,
    body: { json: definitionsSchema, or: rabbitmqDefinitionsSchema },
    replies: {
      200: { description: 'The steps that were taken, or the plan', json: definitionsAppliedSchema },
    },
    errors: [
      ...NAMESPACE_ERRORS,
      'definitions_changed',
      'definitions_too_large',
      'definitions_incomplete',
      'topic_differs',
      'partitions_cannot_shrink',
      'jurisdiction_unavailable',
      'queue_differs',
      'exchange_differs',
      'exchange_reserved',
      'exchange_internal',
      'topic_not_found',
      'queue_not_found',
      'exchange_not_found',
      'too_many_bindings',
      'too_many_alerts',
      'too_many_schedules',
      'too_many_subscriptions',
      'too_many_share_groups',
      'quota_exceeded',
      'invalid_message',
      'record_too_large',
      'key_required',
      ...BODY_ERRORS,
    ],
  },
} as const satisfies Record<string, Operation>;
