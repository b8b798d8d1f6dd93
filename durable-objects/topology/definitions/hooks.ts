/** Changes of hooks: checks declarations and stores them. */

import { declareHook, hookProblem } from '../../../core/topology/hooks.ts';
import { isCompacted } from '../../../core/topology/topics.ts';
import { DEFAULT_EXCHANGE_PATH } from '../../../protocol/names/name-rule.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import { HOOKS_MAX, type HookDeclaration, type HookTarget } from '../../../protocol/schemas/hooks.ts';
import type { HookAnswer } from '../../rpc/topology.ts';
import { newWebhookSecret } from '../../webhook/sign.ts';
import type { TopologyStore } from '../topology-store.ts';

/** Creates or replaces a hook. `secret` is the one that was made for it by this call, else null. */
export function putHookIn(
  store: TopologyStore,
  name: string,
  declaration: HookDeclaration,
): (HookAnswer & { isNew: boolean; secret: string | null }) | Failure {
  const existing = store.hooks.get(name);
  const refused = hookProblem(declaration, existing) ?? checkTarget(store, declaration.target);
  if (refused) return refused;
  if (existing === null && store.hooks.count() >= HOOKS_MAX)
    return failure('too_many_hooks', `a namespace has at most ${HOOKS_MAX} hooks`);
  const newSecret = newWebhookSecret();
  const { definition, madeSecret } = declareHook(existing, name, declaration, store.version() + 1, newSecret);
  if (definition !== existing) store.putHook(definition);
  return {
    hook: definition,
    isNew: existing === null,
    secret: madeSecret ? newSecret : null,
    topologyVersion: store.version(),
  };
}

export function deleteHookIn(store: TopologyStore, name: string): HookAnswer | Failure {
  const hook = store.hooks.get(name);
  if (!hook) return failure('hook_not_found', `there is no hook "${name}"; PUT creates it`);
  store.removeHook(name);
  return { hook, topologyVersion: store.version() };
}

function checkTarget(store: TopologyStore, target: HookTarget): Failure | null {
  if ('debezium' in target) return null; // topics come with the changes
  if ('queue' in target) {
    if (store.queues.has(target.queue)) return null;
    return failure('queue_not_found', `there is no queue "${target.queue}" to store webhooks in`);
  }
  if ('exchange' in target) {
    const { exchange: given } = target;
    if (store.exchange(given === DEFAULT_EXCHANGE_PATH ? '' : given) !== null) return null;
    return failure('exchange_not_found', `there is no exchange "${given}" to route webhooks`);
  }
  const topic = store.topics.get(target.topic);
  if (!topic) return failure('topic_not_found', `there is no topic "${target.topic}" to store webhooks in`);
  if (target.key !== 'none' || !isCompacted(topic.config)) return null;
  return failure('key_required', `topic "${target.topic}" is compacted: choose \`key\` of the target`);
}
