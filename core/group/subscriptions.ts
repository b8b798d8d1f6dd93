/** Subscriptions: the topics that the members of a group read. */

import { matchesPattern } from '../../protocol/names/name-pattern.ts';
import type { TopicDefinition } from '../topology/topics.ts';
import type { TopicRef } from './group-state.ts';

export interface Subscription {
  topics: readonly string[];
  pattern: string | null;
}

export function subscribedTopics(
  { topics, pattern }: Subscription,
  known: readonly TopicDefinition[],
): TopicDefinition[] {
  const named = new Set(topics);
  return known.filter(({ name }) => named.has(name) || (pattern !== null && matchesPattern(pattern, name)));
}

export function topicRef({ id, config }: TopicDefinition): TopicRef {
  return {
    id,
    partitions: config.partitions,
    jurisdiction: config.jurisdiction,
    locationHint: config.location_hint,
  };
}
