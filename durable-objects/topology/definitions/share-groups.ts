/** Changes of share groups: checks declarations and stores them. */

import { declareShareGroup } from '../../../core/topology/share-groups.ts';
import { isCompacted } from '../../../core/topology/topics.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { SHARE_GROUPS_MAX } from '../../../protocol/limits.ts';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import type { ShareGroupConfig, ShareGroupDeclaration } from '../../../protocol/schemas/share-groups.ts';
import { declareQueueIn } from './queues.ts';
import type { ShareGroupAnswer } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

/** Creates a share group or replaces its settings. */
export function putShareGroupIn(
  store: TopologyStore,
  namespace: string,
  name: string,
  declaration: ShareGroupDeclaration,
): (ShareGroupAnswer & { isNew: boolean }) | Failure {
  const existing = store.shareGroups.get(name);
  const queue = defaultDeadLetterQueue(name);
  const config: ShareGroupConfig = { ...declaration, dead_letter: declaration.dead_letter ?? { queue } };
  const isDefault = declaration.dead_letter === undefined && !store.queues.has(queue);
  const refused = checkTopics(store, config) ?? (isDefault ? null : checkDeadLetter(store, config));
  if (refused) return refused;
  if (existing === null && store.shareGroups.count() >= SHARE_GROUPS_MAX) {
    return failure('too_many_share_groups', `a namespace has at most ${SHARE_GROUPS_MAX} share groups`);
  }
  const overQuota = existing === null ? store.quotas.refusal('groups', 1) : null;
  if (overQuota) return overQuota;
  if (isDefault) {
    const declared = declareQueueIn(store, namespace, queue, { dead_letter: 'none' });
    if (isFailure(declared)) return declared;
  }
  const topics = Object.fromEntries(
    config.topics.map((topic) => {
      const { id, config: known } = store.topics.get(topic)!;
      return [topic, { id, partitions: known.partitions }];
    }),
  );
  const group = declareShareGroup(existing, namespace, name, config, topics, store.version() + 1);
  if (group !== existing) store.putShareGroup(group);
  return { group, isNew: existing === null, topologyVersion: store.version() };
}

export function deleteShareGroupIn(store: TopologyStore, name: string): ShareGroupAnswer | Failure {
  const group = store.shareGroups.get(name);
  if (!group) return noSuchShareGroup(name);
  store.removeShareGroup(name);
  return { group, topologyVersion: store.version() };
}

export function noSuchShareGroup(name: string): Failure {
  return failure('share_group_not_found', `there is no share group "${name}"; PUT creates it`);
}

function checkTopics(store: TopologyStore, { topics }: ShareGroupConfig): Failure | null {
  const missing = topics.find((topic) => !store.topics.has(topic));
  return missing === undefined ? null : failure('topic_not_found', `there is no topic "${missing}" to read`);
}

function checkDeadLetter(
  store: TopologyStore,
  { topics, dead_letter: target }: ShareGroupConfig,
): Failure | null {
  if (target === 'none') return null;
  if ('queue' in target) {
    if (store.queues.has(target.queue)) return null;
    return failure('queue_not_found', `there is no queue "${target.queue}" for dead letters`);
  }
  const topic = store.topics.get(target.topic);
  if (!topic) return failure('topic_not_found', `there is no topic "${target.topic}" for dead letters`);
  if (topics.includes(target.topic)) {
    return failure(
      'invalid_field',
      `body dead_letter: the group reads topic "${target.topic}" itself; its dead letters would come back`,
    );
  }
  if (!isCompacted(topic.config)) return null;
  return failure(
    'key_required',
    `topic "${target.topic}" is compacted and cannot take dead letters, which may have no key`,
  );
}
