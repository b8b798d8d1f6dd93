/**
 * Topology cache: the topics and queues that this isolate knows. An entry is used until an object says that it is out
 * of date, or a client shows that it has seen a newer topology. The cache never remembers that something does not
 * exist. routing-cache.ts holds the routing graph, and learns each version that is seen here.
 */

import type { Definitions } from '../../core/topology/routing/destination-addresses.ts';
import type { QueueDefinition } from '../../core/topology/queues.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { noteTopologyVersion } from './routing-cache.ts';

interface TopicEntry {
  topic: TopicDefinition;
  topologyVersion: number;
}

interface QueueEntry {
  queue: QueueDefinition;
  topologyVersion: number;
}

/** Above it the cache starts anew: rather a few extra reads than an unbounded isolate. */
const ENTRIES_MAX = 10_000;

/** Definitions have some KB: a call between objects carries 32 MiB. */
const NAMES_PER_CALL = 1_000;

const topics = new Map<string, TopicEntry>();
const queues = new Map<string, QueueEntry>();

/** @param atLeast the topology version that the answer must not be older than */
export async function lookUpTopic(
  env: Env,
  namespace: string,
  name: string,
  atLeast: number,
): Promise<TopicEntry | Failure> {
  const known = topics.get(keyOf(namespace, name));
  if (known && known.topologyVersion >= atLeast) return known;
  return await refreshTopic(env, namespace, name);
}

/** Always asks the topology. */
export async function refreshTopic(env: Env, namespace: string, name: string): Promise<TopicEntry | Failure> {
  const { topic, topologyVersion } = await topologyStub(env, namespace).topic(name);
  if (topic !== null) return remember({ topic, topologyVersion });
  forget(namespace, name, topologyVersion);
  return failure(
    'topic_not_found',
    `there is no topic "${name}" in namespace "${namespace}"; PUT creates it`,
  );
}

export function remember(entry: TopicEntry): TopicEntry {
  noteTopologyVersion(entry.topic.namespace, entry.topologyVersion);
  return put(topics, keyOf(entry.topic.namespace, entry.topic.name), entry);
}

/** @param topologyVersion the one in which it is gone */
export function forget(namespace: string, name: string, topologyVersion: number): void {
  topics.delete(keyOf(namespace, name));
  noteTopologyVersion(namespace, topologyVersion);
}

/** @param atLeast the topology version that the answer must not be older than */
export async function lookUpQueue(
  env: Env,
  namespace: string,
  name: string,
  atLeast: number,
): Promise<QueueEntry | Failure> {
  const known = queues.get(keyOf(namespace, name));
  if (known && known.topologyVersion >= atLeast) return known;
  return await refreshQueue(env, namespace, name);
}

/** Always asks the topology. */
export async function refreshQueue(env: Env, namespace: string, name: string): Promise<QueueEntry | Failure> {
  const { queue, topologyVersion } = await topologyStub(env, namespace).queue(name);
  if (queue !== null) return rememberQueue({ queue, topologyVersion });
  forgetQueue(namespace, name, topologyVersion);
  return failure(
    'queue_not_found',
    `there is no queue "${name}" in namespace "${namespace}"; PUT creates it`,
  );
}

export function rememberQueue(entry: QueueEntry): QueueEntry {
  noteTopologyVersion(entry.queue.namespace, entry.topologyVersion);
  return put(queues, keyOf(entry.queue.namespace, entry.queue.name), entry);
}

/** @param topologyVersion the one in which it is gone */
export function forgetQueue(namespace: string, name: string, topologyVersion: number): void {
  queues.delete(keyOf(namespace, name));
  noteTopologyVersion(namespace, topologyVersion);
}

/** Many at once, with one question for all that are not known. Those that do not exist are left out. */
export async function lookUpAll(
  env: Env,
  namespace: string,
  names: { queues: Iterable<string>; topics: Iterable<string> },
): Promise<Definitions> {
  const found: Definitions = { queues: new Map(), topics: new Map() };
  const unknownQueues: string[] = [];
  const unknownTopics: string[] = [];
  for (const name of names.queues) {
    const known = queues.get(keyOf(namespace, name));
    if (known) found.queues.set(name, known.queue);
    else unknownQueues.push(name);
  }
  for (const name of names.topics) {
    const known = topics.get(keyOf(namespace, name));
    if (known) found.topics.set(name, known.topic);
    else unknownTopics.push(name);
  }
  if (unknownQueues.length + unknownTopics.length === 0) return found;
  const most = Math.max(unknownQueues.length, unknownTopics.length);
  for (let first = 0; first < most; first += NAMES_PER_CALL) {
    const { topologyVersion, ...answer } = await topologyStub(env, namespace).definitions(
      unknownQueues.slice(first, first + NAMES_PER_CALL),
      unknownTopics.slice(first, first + NAMES_PER_CALL),
    );
    for (const queue of answer.queues) {
      found.queues.set(queue.name, rememberQueue({ queue, topologyVersion }).queue);
    }
    for (const topic of answer.topics)
      found.topics.set(topic.name, remember({ topic, topologyVersion }).topic);
  }
  return found;
}

function put<Entry>(entries: Map<string, Entry>, key: string, entry: Entry): Entry {
  if (entries.size >= ENTRIES_MAX) entries.clear();
  entries.set(key, entry);
  return entry;
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
