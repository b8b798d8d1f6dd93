/** Delivery of one request of a subscription to its target. */

import {
  isStoreTarget,
  isWorkerTarget,
  type SubscriptionDefinition,
} from '../../core/topology/subscriptions.ts';
import type { Env } from '../env.ts';
import type { AccessTokens } from './access-tokens.ts';
import { forward } from './forward.ts';
import { bodyOf } from './push-body.ts';
import type { PushMessage } from './push-message.ts';
import { sendPush, type PushOutcome } from './send-push.ts';
import { callWorker } from './worker/call-worker.ts';

export interface RequestFacts {
  id: string;
  /** Which attempt it is for its first message. */
  attempt: number;
  isTest?: boolean;
}

/** It may reject: then the target has the messages or not. */
export async function deliver(
  env: Env,
  definition: SubscriptionDefinition,
  messages: readonly PushMessage[],
  { id, attempt, isTest = false }: RequestFacts,
  tokens: AccessTokens,
  now: () => number,
): Promise<PushOutcome> {
  const { target } = definition.config;
  if (isStoreTarget(target)) return await forward(env, definition, target, messages);
  if (isWorkerTarget(target)) return await callWorker(env, definition, target.worker, messages, isTest);
  const { body, headers } = bodyOf(definition, messages);
  const more = isTest ? { 'posthorn-test': 'true' } : {};
  const send = async (): Promise<[PushOutcome, string | null]> => {
    const authorization = await tokens.authorization(definition);
    const request = { id, attempt, body, headers: { ...headers, ...more }, authorization };
    return [await sendPush(env, definition, request, now), authorization];
  };
  try {
    const [outcome, authorization] = await send();
    if (!definition.oauth || !('status' in outcome) || outcome.status !== 401) return outcome;
    tokens.refused(authorization);
    return (await send())[0];
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), reply: null };
  }
}
