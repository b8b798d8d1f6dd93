/**
 * Known hooks: definitions that this isolate caches for 5 s. So a hook that was deleted, or a secret that was replaced, ends within that
 * time everywhere, as tokens do. Where the change was made it ends at once.
 */

import type { HookDefinition } from '../../../core/topology/hooks.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { topologyStub } from '../../../durable-objects/stubs.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';

const MAX_AGE_MS = 5_000;

/** Above it the cache starts anew. */
const ENTRIES_MAX = 10_000;

interface Entry {
  hook: HookDefinition;
  readMs: number;
}

/** Those that exist: anybody makes up names of others. */
const known = new Map<string, Entry>();

/** How many changes of hooks came through this isolate. */
let changes = 0;

export async function lookUpHook(env: Env, namespace: string, name: string): Promise<HookDefinition | null> {
  const entry = known.get(keyOf(namespace, name));
  const ageMs = entry ? Date.now() - entry.readMs : Infinity;
  if (entry && ageMs >= 0 && ageMs < MAX_AGE_MS) return entry.hook;
  const before = changes;
  const { hook } = await topologyStub(env, namespace).hook(name);
  if (hook === null) known.delete(keyOf(namespace, name));
  // An answer from before a change is good for this request, and not for later ones.
  else if (before === changes) remember(namespace, hook as HookDefinition);
  return hook as HookDefinition | null;
}

/** Returns true for a hook that was there when this isolate asked last. */
export function isHookKnown(namespace: string, name: string): boolean {
  return known.has(keyOf(namespace, name));
}

export function rememberHook(namespace: string, hook: HookDefinition): void {
  changes++;
  remember(namespace, hook);
}

export function forgetHook(namespace: string, name: string): void {
  changes++;
  known.delete(keyOf(namespace, name));
}

function remember(namespace: string, hook: HookDefinition): void {
  if (known.size >= ENTRIES_MAX) known.clear();
  known.set(keyOf(namespace, hook.name), { hook, readMs: Date.now() });
}

/** What senders are told: nobody learns which namespaces there are. */
export function noHook(): Failure {
  return failure('hook_not_found', 'there is no such hook');
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
