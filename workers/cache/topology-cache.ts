/**
 * Topology cache: the topics and queues that this isolate knows. An entry is used until an object says that it is out
 * of date, or a client shows that it has seen a newer topology. The cache never remembers that something does not
 * exist. routing-cache.ts holds the routing graph, and learns each version that is seen here.
 */

import type { Definitions } from '../../core/topology/routing/destination-addresses.ts';
import type { VersionedQueue, VersionedTopic } from '../../durable-objects/rpc/topology-follower.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { feedOf } from './follower-feed.ts';
import { noteTopologyVersion } from './routing-cache.ts';

/** Above it the cache starts anew: rather a few extra reads than an unbounded isolate. */
const ENTRIES_MAX = 10_000;

const topics = new Map<string, VersionedTopic>();
const queues = new Map<string, VersionedQueue>();

/** @param atLeast the topology version that the answer must not be older than */
export async function lookUpTopic(
  env: Env,
  namespace: string,
  name: string,
  atLeast: number,
): Promise<VersionedTopic | Failure> {
  const known = topics.get(keyOf(namespace, name));
  if (known && known.topologyVersion >= atLeast) return known;
  return await readTopic(env, namespace, name, atLeast, false);
}

/** What the topology has after this call began. */
export async function refreshTopic(
  env: Env,
  namespace: string,
  name: string,
): Promise<VersionedTopic | Failure> {
  return await readTopic(env, namespace, name, 0, true);
}

async function readTopic(
  env: Env,
  namespace: string,
  name: string,
  atLeast: number,
  isFresh: boolean,
): Promise<VersionedTopic | Failure> {
  const names = { queues: [], topics: [name] };
  const answer = await feedOf(env, namespace).definitions({ ...names, atLeast, isFresh });
  const [entry] = answer.topics;
  if (entry !== undefined) return remember(entry);
  forget(namespace, name, answer.topologyVersion);
  return failure(
    'topic_not_found',
    `there is no topic "${name}" in namespace "${namespace}"; PUT creates it`,
  );
}

export function remember(entry: VersionedTopic): VersionedTopic {
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
): Promise<VersionedQueue | Failure> {
  const known = queues.get(keyOf(namespace, name));
  if (known && known.topologyVersion >= atLeast) return known;
  return await readQueue(env, namespace, name, atLeast, false);
}

/** What the topology has after this call began. */
export async function refreshQueue(
  env: Env,
  namespace: string,
  name: string,
): Promise<VersionedQueue | Failure> {
  return await readQueue(env, namespace, name, 0, true);
}

async function readQueue(
  env: Env,
  namespace: string,
  name: string,
  atLeast: number,
  isFresh: boolean,
): Promise<VersionedQueue | Failure> {
  const names = { queues: [name], topics: [] };
  const answer = await feedOf(env, namespace).definitions({ ...names, atLeast, isFresh });
  const [entry] = answer.queues;
  if (entry !== undefined) return rememberQueue(entry);
  forgetQueue(namespace, name, answer.topologyVersion);
  return failure(
    'queue_not_found',
    `there is no queue "${name}" in namespace "${namespace}"; PUT creates it`,
  );
}

export function rememberQueue(entry: VersionedQueue): VersionedQueue {
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
  const answer = await feedOf(env, namespace).definitions({
    queues: unknownQueues,
    topics: unknownTopics,
    atLeast: 0,
    isFresh: false,
  });
  for (const entry of answer.queues) found.queues.set(entry.queue.name, rememberQueue(entry).queue);
  for (const entry of answer.topics) found.topics.set(entry.topic.name, remember(entry).topic);
  return found;
}

function put<Entry>(entries: Map<string, Entry>, key: string, entry: Entry): Entry {
  if (entries.size >= ENTRIES_MAX) entries.clear();
  entries.set(key, entry);
  return entry;
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
