/** Changes of topics: decided by the rules, kept by the store. */

import { AUDIT_TOPIC } from '../../../core/access/audit-topic.ts';
import { checkHeldBytes, type Capacity } from '../../../core/topology/held-bytes.ts';
import { changeTopic, declareTopic, type TopicDefinition } from '../../../core/topology/topics.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import type { TopicChange, TopicDeclaration } from '../../../protocol/schemas/topics.ts';
import { partitionStub } from '../../stubs.ts';
import type { Env } from '../../env.ts';
import { objectBytesMax } from '../../runtime/storage-room.ts';
import type { TopicAnswer } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

export function declareTopicIn(
  store: TopologyStore,
  env: Env,
  namespace: string,
  name: string,
  declaration: TopicDeclaration,
): (TopicAnswer & { isNew: boolean }) | Failure {
  const declared = declareTopic(store.topics.get(name), namespace, name, declaration, store.version() + 1);
  if (isFailure(declared)) return declared;
  if (declared.isNew) {
    const unavailable =
      checkJurisdiction(env, declared.definition) ??
      checkHeldBytes(declared.definition.config, capacityOf(env));
    if (unavailable) return unavailable;
    const refused = refusePartitions(store, name, 1, declared.definition.config.partitions);
    if (refused) return refused;
    store.putTopic(declared.definition);
  }
  return { topic: declared.definition, isNew: declared.isNew, topologyVersion: store.version() };
}

export function changeTopicIn(
  store: TopologyStore,
  env: Env,
  name: string,
  change: TopicChange,
): TopicAnswer | Failure {
  const existing = store.topics.get(name);
  if (!existing) return noSuchTopic(name);
  const changed = changeTopic(existing, change, store.version() + 1);
  if (isFailure(changed)) return changed;
  const unavailable = isHolding(change) ? checkHeldBytes(changed.config, capacityOf(env)) : null;
  if (unavailable) return unavailable;
  const refused = refusePartitions(store, name, 0, changed.config.partitions - existing.config.partitions);
  if (refused) return refused;
  if (changed !== existing) store.putTopic(changed);
  return { topic: changed, topologyVersion: store.version() };
}

export function deleteTopicIn(store: TopologyStore, name: string): TopicAnswer | Failure {
  const topic = store.topics.get(name);
  if (!topic) return noSuchTopic(name);
  store.removeTopic(topic);
  return { topic, topologyVersion: store.version() };
}

/** A topic that was made with more than the broker can hold now may change in other ways. */
function isHolding(change: TopicChange): boolean {
  return ['retention_bytes', 'hot_bytes', 'cleanup_policy'].some((field) => field in change);
}

function capacityOf(env: Env): Capacity {
  return { objectBytesMax: objectBytesMax(env), hasBucket: env.OBJECTS !== undefined };
}

/** No quota keeps a namespace from being watched. */
function refusePartitions(
  store: TopologyStore,
  name: string,
  topics: number,
  partitions: number,
): Failure | null {
  if (name === AUDIT_TOPIC) return null;
  return store.quotas.refusal('topics', topics) ?? store.quotas.refusal('partitions', partitions);
}

function checkJurisdiction(env: Env, topic: TopicDefinition): Failure | null {
  try {
    partitionStub(env, topic, 0);
    return null;
  } catch {
    return failure(
      'jurisdiction_unavailable',
      `this runtime cannot keep data in the jurisdiction "${topic.config.jurisdiction}"; deploy to use it, or leave it out`,
    );
  }
}

function noSuchTopic(name: string): Failure {
  return failure('topic_not_found', `there is no topic "${name}"; PUT creates it`);
}
