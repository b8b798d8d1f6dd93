/** Delivery of one request of a subscription to its target. */

import { isStoreTarget, type SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { Env } from '../env.ts';
import { forward } from './forward.ts';
import { bodyOf } from './push-body.ts';
import type { PushMessage } from './push-message.ts';
import { sendPush, type PushOutcome } from './send-push.ts';

export interface RequestFacts {
  id: string;
  /** Which attempt it is for its first message. */
  attempt: number;
  /** Headers besides those of every request. */
  headers?: Record<string, string>;
}

/** It may reject: then the target has the messages or not. */
export async function deliver(
  env: Env,
  definition: SubscriptionDefinition,
  messages: readonly PushMessage[],
  { id, attempt, headers: more }: RequestFacts,
  now: () => number,
): Promise<PushOutcome> {
  const { target } = definition.config;
  if (isStoreTarget(target)) return await forward(env, definition, target, messages);
  const { body, headers } = bodyOf(definition, messages);
  return await sendPush(env, definition, { id, attempt, body, headers: { ...headers, ...more } }, now);
}
