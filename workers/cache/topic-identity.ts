/**
 * Topic identity in requests: a position belongs to one log, and a topic that is deleted and made again has another log
 * under the same name. A request that names the topic id is served by that topic or refused.
 */

import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { refreshTopic } from './topology-cache.ts';

/**
 * The definition of the topic that the request means, perhaps fresher than the one given.
 * @param topicId what the request names; undefined: whatever topic has the name now
 */
export async function topicOfId(
  env: Env,
  topic: TopicDefinition,
  topicId: number | undefined,
  partition?: number,
): Promise<TopicDefinition | Failure> {
  if (topicId === undefined || topicId === topic.id) return topic;
  // The request may know a newer topic than this isolate does.
  const fresh = await refreshTopic(env, topic.namespace, topic.name);
  if (isFailure(fresh)) return fresh;
  return fresh.topic.id === topicId ? fresh.topic : replacedTopic(fresh.topic, partition);
}

/** @param topic the one that has the name now */
export function replacedTopic(
  { name, id }: Pick<TopicDefinition, 'name' | 'id'>,
  partition?: number,
): Failure {
  return failure(
    'inconsistent_topic_id',
    `topic "${name}" was deleted and made again; its topic_id is ${id} now, and a position of the old one means nothing there`,
    { topic: name, ...(partition !== undefined && { partition }), topic_id: id },
  );
}
