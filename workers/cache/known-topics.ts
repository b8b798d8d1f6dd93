/**
 * Known topics: all topics of a namespace, for assigning partitions to group members. An isolate asks the topology at
 * most once in a few seconds, for any number of heartbeats. New topics and partitions may be noticed that late.
 */

import type { TopicDefinition } from '../../core/topology/topics.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { readAll } from './definition-pages.ts';

export interface KnownTopics {
  topics: TopicDefinition[];
  topologyVersion: number;
}

/** As long as the interval of heartbeats. */
const MAX_AGE_MS = 5_000;

/** Namespaces remembered: rather a few extra reads than an unbounded isolate. */
const NAMESPACES_MAX = 1_000;

interface Entry {
  known: KnownTopics;
  askedMs: number;
}

const entries = new Map<string, Entry>();

/** @param atLeast the topology version that the answer must not be older than */
export async function knownTopics(env: Env, namespace: string, atLeast: number): Promise<KnownTopics> {
  const entry = entries.get(namespace);
  const nowMs = Date.now();
  const isFresh = entry && nowMs < entry.askedMs + MAX_AGE_MS && nowMs >= entry.askedMs;
  if (isFresh && entry.known.topologyVersion >= atLeast) return entry.known;
  return await refreshTopics(env, namespace);
}

/** Always asks the topology. The version is read first: topics that change while pages are read are newer. */
export async function refreshTopics(env: Env, namespace: string): Promise<KnownTopics> {
  const nowMs = Date.now();
  const entry = entries.get(namespace);
  const topologyVersion = await topologyStub(env, namespace).version();
  const isCurrent = entry?.known.topologyVersion === topologyVersion;
  const topics = isCurrent ? entry!.known.topics : await readAll(env, namespace, 'topics');
  const known = { topics, topologyVersion };
  const newest = entries.get(namespace);
  if (newest && newest.known.topologyVersion > known.topologyVersion) return newest.known;
  if (entries.size >= NAMESPACES_MAX) entries.clear();
  entries.set(namespace, { known, askedMs: nowMs });
  return known;
}
