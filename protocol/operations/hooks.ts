/** The calls on hooks: their definitions, and what senders call. */

import type { ErrorCode } from '../errors.ts';
import {
  hookDeclarationSchema,
  hookDeletedSchema,
  hookListSchema,
  hookReceivedSchema,
  hookSchema,
} from '../schemas/hooks.ts';
import { namePageQuerySchema } from '../schemas/pages.ts';
import { onAll, onHook } from './access-rule.ts';
import { exchangeOperations } from './exchanges.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';
import { queueOperations } from './queues.ts';
import { topicOperations } from './topics.ts';

const HOOKS = `${NAMESPACE_PATH}/hooks`;
const HOOK = `${HOOKS}/{hook}`;

const OF_TARGETS: readonly ErrorCode[] = [
  ...topicOperations.produce.errors,
  ...queueOperations.publishToQueue.errors,
  ...exchangeOperations.publish.errors,
];

export const hookOperations = {
  listHooks: {
    id: 'listHooks',
    method: 'get',
    path: HOOKS,
    tag: 'hooks',
    access: onAll('hook', 'view'),
    summary: 'List the hooks',
    query: namePageQuerySchema,
    replies: {
      200: { description: 'A page of the hooks of the namespace, by name', json: hookListSchema },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  putHook: {
    id: 'putHook',
    method: 'put',
    path: HOOK,
    tag: 'hooks',
    access: onHook('manage', '`write` on the target'),
    audit: true,
    summary: 'Create or replace a hook: an address that stores webhooks of another service',
    body: { json: hookDeclarationSchema },
    replies: {
      200: { description: 'It existed, and now has the given settings', json: hookSchema },
      201: { description: 'It was created', json: hookSchema },
    },
    errors: [
      ...NAMESPACE_ERRORS,
      'topic_not_found',
      'queue_not_found',
      'exchange_not_found',
      'key_required',
      'too_many_hooks',
      ...BODY_ERRORS,
    ],
  },
  getHook: {
    id: 'getHook',
    method: 'get',
    path: HOOK,
    tag: 'hooks',
    access: onHook('view'),
    summary: 'Read a hook, without its secrets',
    replies: { 200: { description: 'The hook', json: hookSchema } },
    errors: [...NAMESPACE_ERRORS, 'hook_not_found'],
  },
  deleteHook: {
    id: 'deleteHook',
    method: 'delete',
    path: HOOK,
    tag: 'hooks',
    access: onHook('manage'),
    audit: true,
    summary: 'Delete a hook. Within 5 s nothing is taken at its address any more',
    replies: { 200: { description: 'It is deleted', json: hookDeletedSchema } },
    errors: [...NAMESPACE_ERRORS, 'hook_not_found'],
  },
  receiveHook: {
    id: 'receiveHook',
    method: 'post',
    path: HOOK,
    tag: 'hooks',
    access: 'signature',
    summary: 'Take a webhook: verify its signature, store it in the target of the hook, and answer',
    bytes: 'The request as the sender makes it, byte for byte',
    replies: { 202: { description: 'It is stored', json: hookReceivedSchema } },
    errors: [...new Set(OF_TARGETS), 'hook_not_found', 'invalid_signature', 'quota'],
  },
} as const satisfies Record<string, Operation>;
