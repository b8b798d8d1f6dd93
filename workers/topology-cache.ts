/**
 * The topics that this isolate knows. An entry is used until an object says that it is out of date, or a client shows
 * that it has seen a newer topology. That a topic does not exist is never remembered.
 */

import type { TopicDefinition } from '../core/topology/topics.ts';
import { topologyStub, type Env } from '../durable-objects/stubs.ts';
import { failure, type Failure } from '../protocol/errors.ts';

interface Entry {
  topic: TopicDefinition;
  topologyVersion: number;
}

/** Above it the cache starts anew: rather a few extra reads than an unbounded isolate. */
const ENTRIES_MAX = 10_000;

const entries = new Map<string, Entry>();

/** @param atLeast the topology version that the answer must not be older than */
export async function lookUpTopic(
  env: Env,
  namespace: string,
  name: string,
  atLeast: number,
): Promise<Entry | Failure> {
  const known = entries.get(keyOf(namespace, name));
  if (known && known.topologyVersion >= atLeast) return known;
  return await refreshTopic(env, namespace, name);
}

/** Asks the topology, whatever is known. */
export async function refreshTopic(env: Env, namespace: string, name: string): Promise<Entry | Failure> {
  const { topic, topologyVersion } = await topologyStub(env, namespace).topic(name);
  if (topic === null) {
    entries.delete(keyOf(namespace, name));
    return failure(
      'topic_not_found',
      `there is no topic "${name}" in namespace "${namespace}"; PUT creates it`,
    );
  }
  return remember({ topic, topologyVersion });
}

export function remember(entry: Entry): Entry {
  if (entries.size >= ENTRIES_MAX) entries.clear();
  entries.set(keyOf(entry.topic.namespace, entry.topic.name), entry);
  return entry;
}

export function forget(namespace: string, name: string): void {
  entries.delete(keyOf(namespace, name));
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
