/**
 * Known hooks: definitions that this isolate caches for 5 s. So a hook that was deleted, or a secret that was replaced, ends within that
 * time everywhere, as tokens do.
 */

import type { HookDefinition } from '../../../core/topology/hooks.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { topologyStub } from '../../../durable-objects/stubs.ts';

const MAX_AGE_MS = 5_000;

/** Above it the cache starts anew. */
const ENTRIES_MAX = 10_000;

interface Entry {
  hook: HookDefinition;
  readMs: number;
}

/** Those that exist: anybody makes up names of others. */
const known = new Map<string, Entry>();

export async function lookUpHook(env: Env, namespace: string, name: string): Promise<HookDefinition | null> {
  const entry = known.get(keyOf(namespace, name));
  const ageMs = entry ? Date.now() - entry.readMs : Infinity;
  if (entry && ageMs >= 0 && ageMs < MAX_AGE_MS) return entry.hook;
  const { hook } = await topologyStub(env, namespace).hook(name);
  if (hook === null) forgetHook(namespace, name);
  else rememberHook(namespace, hook as HookDefinition);
  return hook as HookDefinition | null;
}

/** Returns true for a hook that was there when this isolate asked last. */
export function isHookKnown(namespace: string, name: string): boolean {
  return known.has(keyOf(namespace, name));
}

export function rememberHook(namespace: string, hook: HookDefinition): void {
  if (known.size >= ENTRIES_MAX) known.clear();
  known.set(keyOf(namespace, hook.name), { hook, readMs: Date.now() });
}

export function forgetHook(namespace: string, name: string): void {
  known.delete(keyOf(namespace, name));
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
