/** Changes of subscriptions: checks declarations, and stores them together with what their queues keep of them. */

import {
  declareSubscription,
  pauseSubscription,
  type SubscriptionDefinition,
} from '../../../core/topology/subscriptions.ts';
import { checkWebhookUrl } from '../../../core/webhook/address.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import {
  SUBSCRIPTIONS_MAX,
  SUBSCRIPTIONS_OF_QUEUE_MAX,
  type PauseReason,
  type SubscriptionDeclaration,
} from '../../../protocol/schemas/subscriptions.ts';
import type { Env } from '../../env.ts';
import type { SubscriptionAnswer } from '../../rpc/topology.ts';
import { mayCallAnywhere } from '../../webhook/send-webhook.ts';
import { newWebhookSecret } from '../../webhook/sign.ts';
import type { TopologyStore } from '../topology-store.ts';

/** Creates or replaces a subscription. `secret` is the one that was made for it by this call, else null. */
export function putSubscriptionIn(
  store: TopologyStore,
  env: Env,
  namespace: string,
  name: string,
  declaration: SubscriptionDeclaration,
): (SubscriptionAnswer & { isNew: boolean; secret: string | null }) | Failure {
  const refused = checkWebhookUrl(declaration.target.url, mayCallAnywhere(env), 'target.url');
  if (refused) return refused;
  const existing = store.subscriptions.get(name);
  if (existing === null && store.subscriptions.count() >= SUBSCRIPTIONS_MAX) {
    return failure('too_many_subscriptions', `a namespace has at most ${SUBSCRIPTIONS_MAX} subscriptions`);
  }
  const newSecret = newWebhookSecret();
  const { definition, madeSecret } = declareSubscription(
    existing,
    namespace,
    name,
    declaration,
    store.version() + 1,
    newSecret,
  );
  const problem = checkSource(store, definition);
  if (problem) return problem;
  if (definition !== existing) store.putSubscription(definition);
  const secret = madeSecret ? newSecret : null;
  return { subscription: definition, isNew: existing === null, secret, topologyVersion: store.version() };
}

/** @param reason null: it is resumed. @param id only the one of this id: what the object of a subscription asks */
export function pauseSubscriptionIn(
  store: TopologyStore,
  name: string,
  reason: PauseReason | null,
  id?: number,
): SubscriptionAnswer | Failure {
  const existing = store.subscriptions.get(name);
  if (!existing || (id ?? existing.id) !== existing.id) return noSuchSubscription(name);
  const paused = pauseSubscription(existing, reason, store.version() + 1);
  const problem = reason === null ? checkSource(store, paused) : null;
  if (problem) return problem;
  if (paused !== existing) store.putSubscription(paused);
  return { subscription: paused, topologyVersion: store.version() };
}

export function deleteSubscriptionIn(store: TopologyStore, name: string): SubscriptionAnswer | Failure {
  const subscription = store.subscriptions.get(name);
  if (!subscription) return noSuchSubscription(name);
  store.removeSubscription(subscription);
  return { subscription, topologyVersion: store.version() };
}

function checkSource(
  store: TopologyStore,
  { name, config: { source } }: SubscriptionDefinition,
): Failure | null {
  const queue = store.queues.get(source.queue)?.definition;
  if (!queue) return failure('queue_not_found', `there is no queue "${source.queue}" to take messages from`);
  const others = (queue.subscriptions ?? []).filter((other) => other.name !== name);
  if (others.length < SUBSCRIPTIONS_OF_QUEUE_MAX) return null;
  return failure(
    'too_many_subscriptions',
    `queue "${source.queue}" has ${SUBSCRIPTIONS_OF_QUEUE_MAX} subscriptions, which is the most`,
  );
}

function noSuchSubscription(name: string): Failure {
  return failure('subscription_not_found', `there is no subscription "${name}"; PUT creates it`);
}
