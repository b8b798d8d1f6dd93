/**
 * Routing cache: the routing graphs that this isolate knows, one for each namespace.
 *
 * Bindings live in the topology alone, so no queue or topic can tell a router that it missed one. Therefore a graph has an
 * age, and is used only up to a bound (`POSTHORN_ROUTING_MAX_AGE_MS`, default one second, 0: never without asking): a
 * change of bindings made elsewhere is seen by every publish that begins that long after it. Asking is one call for
 * the changes since the graph's version, most often none.
 *
 *   age                     a publish
 *   ---------------------   ----------------------------------------------------------------
 *   below half the bound    uses the graph
 *   below the bound         uses it, and the isolate asks meanwhile: one that is busy never waits
 *   above, or older than a  waits for the changes; all that wait share one question
 *   version the client saw
 *
 * Why no subscription: a socket from each isolate to the topology would keep both awake and billed, although bindings
 * rarely change. Why a second: clients that need their own changes at once send the version from the reply. A client
 * learns of another client's change only by a message, which takes time itself.
 */

import { waitUntil } from 'cloudflare:workers';
import { RoutingGraph, type TopologyChange } from '../../core/topology/routing/routing-graph.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';

interface View {
  graph: RoutingGraph;
  version: number;
  /** The start time of the request that last confirmed the graph. */
  askedMs: number;
  /** Those that were read, whether or not they have gone since. */
  bindings: number;
}

interface Namespace {
  view: View | null;
  /** The question that is under way, and when it was asked. */
  asking: { promise: Promise<View>; askedMs: number } | null;
  /** The newest version that this isolate has seen in an answer to a change. */
  seen: number;
}

const MAX_AGE_MS_DEFAULT = 1_000;

/** Bindings of all namespaces together that one isolate holds, about 500 bytes each; the least used namespace goes. */
const BINDINGS_HELD_MAX = 150_000;

/** In the order of use. */
const namespaces = new Map<string, Namespace>();

/**
 * The graph of a namespace, within the bound of age.
 * @param atLeast the topology version that it must not be older than
 */
export async function routingGraph(env: Env, namespace: string, atLeast: number): Promise<RoutingGraph> {
  const entry = use(namespace);
  const nowMs = Date.now();
  const maxAgeMs = Number(env.POSTHORN_ROUTING_MAX_AGE_MS ?? MAX_AGE_MS_DEFAULT);
  const wanted = Math.max(atLeast, entry.seen);
  const { view } = entry;
  // Below 0 if the clock has gone back: then nobody knows how old it is.
  const ageMs = nowMs - (view?.askedMs ?? 0);
  if (view && view.version >= wanted && ageMs >= 0 && ageMs <= maxAgeMs && maxAgeMs > 0) {
    if (ageMs > maxAgeMs / 2 && !entry.asking) {
      ask(env, namespace, entry).catch((error: unknown) => console.error('asking for changes failed', error));
    }
    return view.graph;
  }
  // A question that was asked before this request may have been answered before the change that matters.
  const { asking } = entry;
  if (asking) {
    const answered = await asking.promise.catch(() => null);
    if (answered && answered.version >= wanted && nowMs - asking.askedMs < maxAgeMs) return answered.graph;
  }
  // Another waiting request may have asked again.
  const again =
    entry.asking && entry.asking.askedMs >= nowMs ? entry.asking.promise : ask(env, namespace, entry);
  return (await again).graph;
}

/** Makes the next publish through this isolate see a change that this isolate made. */
export function noteTopologyVersion(namespace: string, version: number): void {
  const entry = namespaces.get(namespace);
  if (entry) entry.seen = Math.max(entry.seen, version);
}

function use(namespace: string): Namespace {
  const entry = namespaces.get(namespace) ?? { view: null, asking: null, seen: 0 };
  namespaces.delete(namespace);
  namespaces.set(namespace, entry);
  return entry;
}

/** One question at a time, because each applies its answer to the same graph. */
function ask(env: Env, namespace: string, entry: Namespace): Promise<View> {
  const before = entry.asking?.promise;
  const asking = {
    askedMs: Date.now(),
    promise: (async (): Promise<View> => {
      await before?.catch(() => {});
      const askedMs = Date.now();
      const view = await follow(env, namespace, entry.view);
      entry.view = { ...view, askedMs };
      evictOthers(entry);
      return entry.view;
    })(),
  };
  entry.asking = asking;
  const done = (): void => {
    if (entry.asking === asking) entry.asking = null;
  };
  // Other requests wait for the answer too, so it must come even if the client of this one has left.
  waitUntil(asking.promise.then(done, done));
  return asking.promise;
}

/** The view brought up to date, or a new one. */
async function follow(env: Env, namespace: string, view: View | null): Promise<View> {
  const topology = topologyStub(env, namespace);
  for (;;) {
    const current = view ?? (await readSnapshot(env, namespace));
    for (;;) {
      const answer = await topology.changesSince(current.version);
      if (answer === null) break; // the log has been cut, or the namespace began anew
      for (const change of JSON.parse(answer.changesJson) as TopologyChange[]) {
        current.graph.apply(change);
        if ('put' in change && change.put === 'bindings') current.bindings += change.bindings.length;
      }
      current.version += answer.count;
      if (!answer.isPartial) return current;
    }
    view = null;
  }
}

async function readSnapshot(env: Env, namespace: string): Promise<View> {
  const topology = topologyStub(env, namespace);
  const graph = new RoutingGraph();
  let page = await topology.snapshot(null);
  const { version } = page;
  let bindings = graph.applyPage(page);
  while (page.next !== null) {
    page = await topology.snapshot(page.next);
    bindings += graph.applyPage(page);
  }
  return { graph, version, askedMs: 0, bindings };
}

function evictOthers(kept: Namespace): void {
  let held = 0;
  for (const { view } of namespaces.values()) held += view?.bindings ?? 0;
  for (const [name, entry] of namespaces) {
    if (held <= BINDINGS_HELD_MAX) return;
    if (entry === kept) continue;
    held -= entry.view?.bindings ?? 0;
    namespaces.delete(name);
  }
}
