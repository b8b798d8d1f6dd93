/**
 * Routing cache: the routing graphs that this isolate knows, one for each namespace.
 *
 * Bindings live in the topology alone, so no queue or topic can tell a router that it missed one. Therefore a graph has an
 * age, and is used only up to a bound (`POSTHORN_ROUTING_MAX_AGE_MS`, default one second, 0: never without asking). Asking is
 * one call to a follower of the topology for the changes since the graph's version, most often none.
 *
 * Why a second: clients that need their own changes at once send the version from the reply. A client learns of another
 * client's change only by a message, which takes time itself.
 */

import { waitUntil } from 'cloudflare:workers';
import type { RoutingGraph } from '../../core/topology/routing/routing-graph.ts';
import type { Env } from '../../durable-objects/env.ts';
import { FollowedGraph } from './followed-graph.ts';
import { feedOf, topologyFeed } from './follower-feed.ts';

const MAX_AGE_MS_DEFAULT = 1_000;

/** Bindings of all namespaces together that one isolate holds, about 500 bytes each; the least used namespace goes. */
const BINDINGS_HELD_MAX = 150_000;

/** In the order of use. */
const namespaces = new Map<string, FollowedGraph>();

/**
 * The graph of a namespace, within the bound of age.
 * @param atLeast the topology version that it must not be older than
 */
export async function routingGraph(env: Env, namespace: string, atLeast: number): Promise<RoutingGraph> {
  const maxAgeMs = Number(env.POSTHORN_ROUTING_MAX_AGE_MS ?? MAX_AGE_MS_DEFAULT);
  const followed = use(env, namespace, maxAgeMs);
  const held = followed.bindings;
  const graph = await followed.current(atLeast, maxAgeMs);
  if (followed.bindings !== held) evictOthers(followed);
  return graph;
}

/** Makes the next publish through this isolate see a change that this isolate made. */
export function noteTopologyVersion(namespace: string, version: number): void {
  namespaces.get(namespace)?.note(version);
}

function use(env: Env, namespace: string, maxAgeMs: number): FollowedGraph {
  const followed =
    namespaces.get(namespace) ??
    new FollowedGraph({
      feed: maxAgeMs > 0 ? feedOf(env, namespace) : topologyFeed(env, namespace),
      now: () => Date.now(),
      keep: waitUntil,
    });
  namespaces.delete(namespace);
  namespaces.set(namespace, followed);
  return followed;
}

function evictOthers(kept: FollowedGraph): void {
  let held = 0;
  for (const { bindings } of namespaces.values()) held += bindings;
  for (const [name, followed] of namespaces) {
    if (held <= BINDINGS_HELD_MAX) return;
    if (followed === kept) continue;
    held -= followed.bindings;
    namespaces.delete(name);
  }
}
