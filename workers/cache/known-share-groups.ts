/**
 * Known share groups: definitions that this isolate caches for a second. So a change is in effect everywhere after a
 * second, and earlier for every partition that was called with it once.
 */

import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, type Failure } from '../../protocol/errors.ts';

const MAX_AGE_MS = 1_000;

/** Above it the cache starts anew. */
const ENTRIES_MAX = 10_000;

interface Entry {
  group: ShareGroupDefinition;
  topologyVersion: number;
  readMs: number;
}

const known = new Map<string, Entry>();

/** @param atLeast the topology version that the answer must not be older than; Infinity asks in any case */
export async function lookUpShareGroup(
  env: Env,
  namespace: string,
  name: string,
  atLeast: number,
): Promise<Entry | Failure> {
  const entry = known.get(`${namespace}/${name}`);
  const age = entry ? Date.now() - entry.readMs : Infinity;
  if (entry && entry.topologyVersion >= atLeast && age >= 0 && age < MAX_AGE_MS) return entry;
  const { group, topologyVersion } = await topologyStub(env, namespace).shareGroup(name);
  if (group !== null) return rememberShareGroup(group as ShareGroupDefinition, topologyVersion);
  forgetShareGroup(namespace, name);
  return failure(
    'share_group_not_found',
    `there is no share group "${name}" in namespace "${namespace}"; PUT creates it`,
  );
}

export function rememberShareGroup(group: ShareGroupDefinition, topologyVersion: number): Entry {
  if (known.size >= ENTRIES_MAX) known.clear();
  const entry = { group, topologyVersion, readMs: Date.now() };
  known.set(`${group.namespace}/${group.name}`, entry);
  return entry;
}

export function forgetShareGroup(namespace: string, name: string): void {
  known.delete(`${namespace}/${name}`);
}
