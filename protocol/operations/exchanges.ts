/** The calls on exchanges, bindings and policies, and publishing through exchanges. */

import { z } from 'zod';
import {
  bindingDeclarationSchema,
  bindingDeletedSchema,
  bindingListSchema,
  bindingReplySchema,
  bindingsDeclarationSchema,
  bindingsDeclaredSchema,
  bindingsQuerySchema,
  exchangeBatchesPublishedSchema,
  exchangeBindingsQuerySchema,
  exchangeDeclarationSchema,
  exchangeDeletedSchema,
  exchangeDeleteQuerySchema,
  exchangeListSchema,
  exchangePublishedSchema,
  exchangePublishQuerySchema,
  exchangePublishSchema,
  exchangeSchema,
} from '../schemas/exchanges.ts';
import {
  policyDeclarationSchema,
  policyDeletedSchema,
  policyListSchema,
  policySchema,
} from '../schemas/policies.ts';
import { namePageQuerySchema } from '../schemas/pages.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const EXCHANGES = `${NAMESPACE_PATH}/exchanges`;
const EXCHANGE = `${EXCHANGES}/{exchange}`;
const POLICIES = `${NAMESPACE_PATH}/policies`;
const POLICY = `${POLICIES}/{policy}`;

const EXCHANGE_ERRORS = [...NAMESPACE_ERRORS, 'exchange_not_found'] as const;
const POLICY_ERRORS = [...NAMESPACE_ERRORS, 'policy_not_found'] as const;
const BINDING_ERRORS = [
  ...EXCHANGE_ERRORS,
  'queue_not_found',
  'topic_not_found',
  'too_many_bindings',
  ...BODY_ERRORS,
] as const;

export const exchangeOperations = {
  listExchanges: {
    id: 'listExchanges',
    method: 'get',
    path: EXCHANGES,
    tag: 'exchanges',
    summary: 'List the exchanges, the predeclared ones first',
    query: namePageQuerySchema,
    replies: {
      200: {
        description: 'A page of the exchanges of the namespace, the predeclared ones first, then by name',
        json: exchangeListSchema,
      },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  declareExchange: {
    id: 'declareExchange',
    method: 'put',
    path: EXCHANGE,
    tag: 'exchanges',
    summary:
      'Create an exchange, or check that it has the given settings. Fields that are left out take their defaults and are not checked',
    body: { json: exchangeDeclarationSchema },
    replies: {
      200: { description: 'It existed with the same settings', json: exchangeSchema },
      201: { description: 'It was created', json: exchangeSchema },
    },
    errors: [...NAMESPACE_ERRORS, 'exchange_differs', 'exchange_reserved', ...BODY_ERRORS],
  },
  getExchange: {
    id: 'getExchange',
    method: 'get',
    path: EXCHANGE,
    tag: 'exchanges',
    summary: 'Read the definition of an exchange',
    replies: { 200: { description: 'The definition', json: exchangeSchema } },
    errors: EXCHANGE_ERRORS,
  },
  deleteExchange: {
    id: 'deleteExchange',
    method: 'delete',
    path: EXCHANGE,
    tag: 'exchanges',
    summary: 'Delete an exchange and the bindings from it and to it',
    query: exchangeDeleteQuerySchema,
    replies: { 200: { description: 'It is deleted', json: exchangeDeletedSchema } },
    errors: [...EXCHANGE_ERRORS, 'exchange_reserved', 'exchange_in_use', ...FIELD_ERRORS],
  },
  bind: {
    id: 'bind',
    method: 'post',
    path: `${EXCHANGE}/bindings`,
    tag: 'exchanges',
    summary: 'Bind a queue, a topic or another exchange to an exchange. Repeating a binding changes nothing',
    body: { json: bindingDeclarationSchema },
    replies: {
      200: { description: 'It existed already', json: bindingReplySchema },
      201: { description: 'It was created', json: bindingReplySchema },
    },
    errors: BINDING_ERRORS,
  },
  bindMany: {
    id: 'bindMany',
    method: 'post',
    path: `${NAMESPACE_PATH}/bindings`,
    tag: 'exchanges',
    summary: 'Create many bindings at once: all or none',
    body: { json: bindingsDeclarationSchema },
    replies: { 200: { description: 'All bindings exist now', json: bindingsDeclaredSchema } },
    errors: BINDING_ERRORS,
  },
  listExchangeBindings: {
    id: 'listExchangeBindings',
    method: 'get',
    path: `${EXCHANGE}/bindings`,
    tag: 'exchanges',
    summary: 'List the bindings from an exchange, or to it',
    query: exchangeBindingsQuerySchema,
    replies: { 200: { description: 'A page of bindings, by id', json: bindingListSchema } },
    errors: [...EXCHANGE_ERRORS, ...FIELD_ERRORS],
  },
  listQueueBindings: {
    id: 'listQueueBindings',
    method: 'get',
    path: `${NAMESPACE_PATH}/queues/{queue}/bindings`,
    tag: 'exchanges',
    summary: 'List the bindings to a queue, without the one that every queue has to the default exchange',
    query: bindingsQuerySchema,
    replies: { 200: { description: 'A page of bindings, by id', json: bindingListSchema } },
    errors: [...NAMESPACE_ERRORS, 'queue_not_found', ...FIELD_ERRORS],
  },
  listTopicBindings: {
    id: 'listTopicBindings',
    method: 'get',
    path: `${NAMESPACE_PATH}/topics/{topic}/bindings`,
    tag: 'exchanges',
    summary: 'List the bindings to a topic',
    query: bindingsQuerySchema,
    replies: { 200: { description: 'A page of bindings, by id', json: bindingListSchema } },
    errors: [...NAMESPACE_ERRORS, 'topic_not_found', ...FIELD_ERRORS],
  },
  unbind: {
    id: 'unbind',
    method: 'delete',
    path: `${EXCHANGE}/bindings/{binding}`,
    tag: 'exchanges',
    summary: 'Remove a binding. An exchange with `auto_delete` is deleted with its last binding',
    replies: { 200: { description: 'It is deleted', json: bindingDeletedSchema } },
    errors: [...EXCHANGE_ERRORS, 'binding_not_found'],
  },
  publish: {
    id: 'publish',
    method: 'post',
    path: `${EXCHANGE}/messages`,
    tag: 'exchanges',
    summary:
      'Publish messages, each to every destination to which it is routed. The reply comes when all destinations have stored it',
    query: exchangePublishQuerySchema,
    body: { json: exchangePublishSchema, batches: true },
    replies: {
      200: {
        description: 'Stored in every destination: `messages` for JSON, `count` for record batches',
        json: z.union([exchangePublishedSchema, exchangeBatchesPublishedSchema]),
      },
    },
    errors: [
      ...EXCHANGE_ERRORS,
      'exchange_internal',
      'invalid_message',
      'publish_incomplete',
      'producer_fenced',
      'out_of_order_sequence',
      'queue_full',
      'queue_overloaded',
      'storage_full',
      'cost_ceiling',
      'queue_unavailable',
      'partition_overloaded',
      'partition_unavailable',
      'key_required',
      'record_too_large',
      'too_many_records',
      'truncated_batch',
      'unsupported_magic',
      'corrupt_batch',
      'unsupported_compression',
      'invalid_batch',
      ...BODY_ERRORS,
    ],
  },
  listPolicies: {
    id: 'listPolicies',
    method: 'get',
    path: POLICIES,
    tag: 'policies',
    summary: 'List the policies',
    query: namePageQuerySchema,
    replies: {
      200: { description: 'A page of the policies of the namespace, by name', json: policyListSchema },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  putPolicy: {
    id: 'putPolicy',
    method: 'put',
    path: POLICY,
    tag: 'policies',
    summary: 'Create or replace a policy: settings for all queues whose names match its pattern',
    body: { json: policyDeclarationSchema },
    replies: {
      200: { description: 'It existed, and now has the given settings', json: policySchema },
      201: { description: 'It was created', json: policySchema },
    },
    errors: [...NAMESPACE_ERRORS, ...BODY_ERRORS],
  },
  getPolicy: {
    id: 'getPolicy',
    method: 'get',
    path: POLICY,
    tag: 'policies',
    summary: 'Read a policy',
    replies: { 200: { description: 'The policy', json: policySchema } },
    errors: POLICY_ERRORS,
  },
  deletePolicy: {
    id: 'deletePolicy',
    method: 'delete',
    path: POLICY,
    tag: 'policies',
    summary: 'Delete a policy. Its queues return to their own settings',
    replies: { 200: { description: 'It is deleted', json: policyDeletedSchema } },
    errors: POLICY_ERRORS,
  },
} as const satisfies Record<string, Operation>;
