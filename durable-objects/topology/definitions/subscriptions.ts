/** Changes of subscriptions: checks declarations, and stores them together with what their queues keep of them. */

import {
  credentialProblem,
  declareSubscription,
  isStoreTarget,
  isWorkerTarget,
  pauseSubscription,
  sourceTopicOf,
  type SourceTopic,
  type SubscriptionConfig,
} from '../../../core/topology/subscriptions.ts';
import { checkWebhookUrl } from '../../../core/webhook/address.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import {
  SUBSCRIPTIONS_MAX,
  SUBSCRIPTIONS_OF_SOURCE_MAX,
  type PauseReason,
  type SubscriptionDeclaration,
  type SubscriptionSource,
} from '../../../protocol/schemas/subscriptions.ts';
import type { Env } from '../../env.ts';
import type { SubscriptionAnswer } from '../../rpc/topology.ts';
import { boundWorker, unbound } from '../../subscription/worker/bound-worker.ts';
import { mayCallAnywhere } from '../../webhook/send-webhook.ts';
import { newWebhookSecret } from '../../webhook/sign.ts';
import type { TopologyStore } from '../topology-store.ts';
import { declareQueueIn } from './queues.ts';

/** Creates or replaces a subscription. `secret` is the one that was made for it by this call, else null. */
export function putSubscriptionIn(
  store: TopologyStore,
  env: Env,
  namespace: string,
  name: string,
  declaration: SubscriptionDeclaration,
): (SubscriptionAnswer & { isNew: boolean; secret: string | null }) | Failure {
  const { target, oauth } = declaration;
  const refused = checkTarget(env, target);
  const unreached =
    refused ?? (oauth ? checkWebhookUrl(oauth.token_url, mayCallAnywhere(env), 'oauth.token_url') : null);
  if (unreached) return unreached;
  const existing = store.subscriptions.get(name);
  const credentials = credentialProblem(existing, declaration);
  if (credentials) return credentials;
  if (existing === null && store.subscriptions.count() >= SUBSCRIPTIONS_MAX) {
    return failure('too_many_subscriptions', `a namespace has at most ${SUBSCRIPTIONS_MAX} subscriptions`);
  }
  const queue = defaultDeadLetterQueue(name);
  const source = completeSource(declaration.source, queue);
  const problem = checkSource(store, name, source) ?? checkStoreTarget(store, namespace, target);
  if (problem) return problem;
  const letters = prepareDeadLetters(store, namespace, declaration.source, queue);
  if (letters) return letters;
  const newSecret = newWebhookSecret();
  const { definition, madeSecret } = declareSubscription(
    existing,
    namespace,
    name,
    { ...declaration, source },
    sourceTopic(store, source),
    store.version() + 1,
    newSecret,
  );
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
  const { source } = existing.config;
  const problem = reason === null ? checkSource(store, name, source) : null;
  if (problem) return problem;
  const topic = reason === null ? sourceTopic(store, source) : null; // it may be a new one of that name
  const known = topic ? { ...existing, topic } : existing;
  const paused = pauseSubscription(known, reason, store.version() + 1);
  if (paused !== existing) store.putSubscription(paused);
  return { subscription: paused, topologyVersion: store.version() };
}

export function deleteSubscriptionIn(store: TopologyStore, name: string): SubscriptionAnswer | Failure {
  const subscription = store.subscriptions.get(name);
  if (!subscription) return noSuchSubscription(name);
  store.removeSubscription(subscription);
  return { subscription, topologyVersion: store.version() };
}

/** Returns what is wrong with a target that this broker cannot reach; null: nothing. */
function checkTarget(env: Env, target: SubscriptionDeclaration['target']): Failure | null {
  if ('url' in target) return checkWebhookUrl(target.url, mayCallAnywhere(env), 'target.url');
  if (!isWorkerTarget(target)) return null;
  return boundWorker(env, target.worker) === null ? unbound(target.worker) : null;
}

function completeSource(source: SubscriptionDeclaration['source'], queue: string): SubscriptionSource {
  return 'queue' in source ? source : { ...source, dead_letter: source.dead_letter ?? { queue } };
}

function sourceTopic(store: TopologyStore, source: SubscriptionConfig['source']): SourceTopic | null {
  return 'queue' in source ? null : sourceTopicOf(store.topics.get(source.topic)!);
}

function checkSource(store: TopologyStore, name: string, source: SubscriptionSource): Failure | null {
  const [kind, of] =
    'queue' in source ? (['queue', source.queue] as const) : (['topic', source.topic] as const);
  const found = kind === 'queue' ? store.queues.get(of)?.definition : store.topics.get(of);
  if (!found) return failure(`${kind}_not_found`, `there is no ${kind} "${of}" to take messages from`);
  const others = (found.subscriptions ?? []).filter((other) => other.name !== name);
  if (others.length < SUBSCRIPTIONS_OF_SOURCE_MAX) return null;
  return failure(
    'too_many_subscriptions',
    `${kind} "${of}" has ${SUBSCRIPTIONS_OF_SOURCE_MAX} subscriptions, which is the most`,
  );
}

/** One in another namespace is for the router to look for. */
function checkStoreTarget(
  store: TopologyStore,
  own: string,
  target: SubscriptionDeclaration['target'],
): Failure | null {
  if (!isStoreTarget(target) || (target.namespace ?? own) !== own) return null;
  const [kind, of] =
    'queue' in target ? (['queue', target.queue] as const) : (['topic', target.topic] as const);
  const isThere = kind === 'queue' ? store.queues.has(of) : store.topics.has(of);
  return isThere ? null : failure(`${kind}_not_found`, `there is no ${kind} "${of}" to store messages in`);
}

/** Declares the default queue of dead letters, and refuses another one that does not exist. */
function prepareDeadLetters(
  store: TopologyStore,
  namespace: string,
  source: SubscriptionDeclaration['source'],
  defaultQueue: string,
): Failure | null {
  if ('queue' in source || source.dead_letter === 'none') return null;
  const queue = source.dead_letter?.queue ?? defaultQueue;
  if (store.queues.has(queue)) return null;
  if (source.dead_letter !== undefined)
    return failure('queue_not_found', `there is no queue "${queue}" for dead letters`);
  const declared = declareQueueIn(store, namespace, queue, { dead_letter: 'none' });
  return isFailure(declared) ? declared : null;
}

function noSuchSubscription(name: string): Failure {
  return failure('subscription_not_found', `there is no subscription "${name}"; PUT creates it`);
}
