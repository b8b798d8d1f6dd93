/** The calls on subscriptions. */

import { namePageQuerySchema } from '../schemas/pages.ts';
import {
  attemptsQuerySchema,
  attemptsSchema,
  subscriptionDeclarationSchema,
  subscriptionDeletedSchema,
  subscriptionListSchema,
  subscriptionSchema,
  subscriptionSeekSchema,
  subscriptionSoughtSchema,
  subscriptionTestedSchema,
  subscriptionWithStateSchema,
} from '../schemas/subscriptions.ts';
import { onAll, onSubscription } from './access-rule.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const SUBSCRIPTIONS = `${NAMESPACE_PATH}/subscriptions`;
const SUBSCRIPTION = `${SUBSCRIPTIONS}/{subscription}`;
const SUBSCRIPTION_ERRORS = [...NAMESPACE_ERRORS, 'subscription_not_found'] as const;

export const subscriptionOperations = {
  listSubscriptions: {
    id: 'listSubscriptions',
    method: 'get',
    path: SUBSCRIPTIONS,
    tag: 'subscriptions',
    access: onAll('subscription', 'view'),
    summary: 'List the subscriptions',
    query: namePageQuerySchema,
    replies: {
      200: {
        description: 'A page of the subscriptions of the namespace, by name',
        json: subscriptionListSchema,
      },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  putSubscription: {
    id: 'putSubscription',
    method: 'put',
    path: SUBSCRIPTION,
    tag: 'subscriptions',
    access: onSubscription('manage', '`read` on the source, and `write` on where dead letters go'),
    audit: true,
    summary:
      'Create or replace a subscription: messages of a queue, or records of a topic, pushed to an HTTP endpoint or a Worker',
    body: { json: subscriptionDeclarationSchema },
    replies: {
      200: { description: 'It existed, and now has the given settings', json: subscriptionSchema },
      201: { description: 'It was created', json: subscriptionSchema },
    },
    errors: [
      ...NAMESPACE_ERRORS,
      'queue_not_found',
      'topic_not_found',
      'too_many_subscriptions',
      'worker_unbound',
      ...BODY_ERRORS,
    ],
  },
  getSubscription: {
    id: 'getSubscription',
    method: 'get',
    path: SUBSCRIPTION,
    tag: 'subscriptions',
    access: onSubscription('view'),
    summary: 'Read a subscription, and how its pushes go',
    replies: { 200: { description: 'The subscription and its state', json: subscriptionWithStateSchema } },
    errors: [...SUBSCRIPTION_ERRORS, 'subscription_unavailable'],
  },
  deleteSubscription: {
    id: 'deleteSubscription',
    method: 'delete',
    path: SUBSCRIPTION,
    tag: 'subscriptions',
    access: onSubscription('manage'),
    audit: true,
    summary: 'Delete a subscription. Messages that it has not pushed stay where they are',
    replies: { 200: { description: 'It is deleted', json: subscriptionDeletedSchema } },
    errors: SUBSCRIPTION_ERRORS,
  },
  pauseSubscription: {
    id: 'pauseSubscription',
    method: 'post',
    path: `${SUBSCRIPTION}/pause`,
    tag: 'subscriptions',
    access: onSubscription('operate'),
    audit: true,
    summary: 'Pause a subscription: push nothing until it is resumed',
    replies: { 200: { description: 'It is paused', json: subscriptionSchema } },
    errors: SUBSCRIPTION_ERRORS,
  },
  resumeSubscription: {
    id: 'resumeSubscription',
    method: 'post',
    path: `${SUBSCRIPTION}/resume`,
    tag: 'subscriptions',
    access: onSubscription('operate'),
    audit: true,
    summary: 'Resume a subscription, whatever had paused it, and close its breaker',
    replies: { 200: { description: 'It is running', json: subscriptionSchema } },
    errors: [...SUBSCRIPTION_ERRORS, 'queue_not_found', 'topic_not_found', 'too_many_subscriptions'],
  },
  testSubscription: {
    id: 'testSubscription',
    method: 'post',
    path: `${SUBSCRIPTION}/test`,
    tag: 'subscriptions',
    access: onSubscription('operate'),
    audit: true,
    summary: 'Push a test message to the endpoint of a subscription now, also while it is paused',
    replies: { 200: { description: 'What came of it', json: subscriptionTestedSchema } },
    errors: [...SUBSCRIPTION_ERRORS, 'subscription_unavailable'],
  },
  seekSubscription: {
    id: 'seekSubscription',
    method: 'post',
    path: `${SUBSCRIPTION}/seek`,
    tag: 'subscriptions',
    access: onSubscription('operate'),
    audit: true,
    summary: 'Go on from another place in the topic: push records again, or pass over some',
    body: { json: subscriptionSeekSchema },
    replies: { 200: { description: 'Where it goes on', json: subscriptionSoughtSchema } },
    errors: [
      ...SUBSCRIPTION_ERRORS,
      'partition_not_found',
      'topic_not_found',
      'subscription_unavailable',
      ...BODY_ERRORS,
    ],
  },
  listAttempts: {
    id: 'listAttempts',
    method: 'get',
    path: `${SUBSCRIPTION}/attempts`,
    tag: 'subscriptions',
    access: onSubscription('view'),
    summary: 'List the latest requests of a subscription, with what came of each',
    query: attemptsQuerySchema,
    replies: { 200: { description: 'The attempts, the latest first', json: attemptsSchema } },
    errors: [...SUBSCRIPTION_ERRORS, 'subscription_unavailable', ...FIELD_ERRORS],
  },
} as const satisfies Record<string, Operation>;
