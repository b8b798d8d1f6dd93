/**
 * Followed graph: the routing graph of one namespace in an isolate, kept young by questions to a feed. A graph has an age, and
 * is used only up to a bound: a change of bindings made elsewhere is seen by every publish that begins that long after it.
 *
 *   age                     a publish
 *   ---------------------   ----------------------------------------------------------------
 *   below three quarters    uses the graph
 *   below the bound         uses it, and the isolate asks meanwhile: one that is busy never waits
 *   above, or older than a  waits for the changes; all that wait share one question
 *   version the client saw
 */

import { ANSWER_SHARE, graphUse, isYoungEnough } from '../../core/topology/follow/route-age.ts';
import { RoutingGraph, type TopologyChange } from '../../core/topology/routing/routing-graph.ts';
import type { ChangesAnswer, ChangesQuestion } from '../../durable-objects/rpc/topology-follower.ts';
import type { SnapshotPage, SnapshotPosition } from '../../durable-objects/rpc/topology.ts';

/** Where changes come from: a follower, or the topology. */
export interface Feed {
  changes(question: ChangesQuestion): Promise<ChangesAnswer>;
  snapshot(after: SnapshotPosition | null): Promise<SnapshotPage>;
}

export interface FollowedGraphOptions {
  feed: Feed;
  now: () => number;
  /** Goes on with what it is given when the request that began it has ended. */
  keep: (work: Promise<unknown>) => void;
}

interface View {
  graph: RoutingGraph;
  version: number;
  /** A time at which the topology had nothing newer. */
  confirmedMs: number;
  /** Those that were read, whether or not they have gone since. */
  bindings: number;
}

interface Asking {
  promise: Promise<View>;
  askedMs: number;
  atLeast: number;
}

export class FollowedGraph {
  readonly #options: FollowedGraphOptions;
  #view: View | null = null;
  #asking: Asking | null = null;
  #seen = 0;

  constructor(options: FollowedGraphOptions) {
    this.#options = options;
  }

  /** How many bindings it holds. */
  get bindings(): number {
    return this.#view?.bindings ?? 0;
  }

  /** Notes a version that this isolate has seen in an answer to a change. */
  note(version: number): void {
    this.#seen = Math.max(this.#seen, version);
  }

  /** @param atLeast the topology version that the graph must not be older than */
  async current(atLeast: number, maxAgeMs: number): Promise<RoutingGraph> {
    const nowMs = this.#options.now();
    const wanted = Math.max(atLeast, this.#seen);
    const view = this.#view;
    const use = graphUse(view?.confirmedMs ?? null, nowMs, maxAgeMs);
    if (view && view.version >= wanted && use !== 'wait') {
      if (use === 'use-and-ask' && !this.#asking) {
        this.#ask(wanted, maxAgeMs).catch((error: unknown) =>
          console.error('asking for changes failed', error),
        );
      }
      return view.graph;
    }
    // A question that was asked before this request may have been answered before the change that matters.
    const asking = this.#asking;
    if (asking) {
      const answered = await asking.promise.catch(() => null);
      if (answered && answered.version >= wanted && isYoungEnough(asking.askedMs, nowMs, maxAgeMs)) {
        return answered.graph;
      }
    }
    // Another waiting request may have asked again.
    const other = this.#asking;
    const isSame = other !== null && other.askedMs >= nowMs && other.atLeast >= wanted;
    return (await (isSame ? other.promise : this.#ask(wanted, maxAgeMs))).graph;
  }

  /** One question at a time, because each applies its answer to the same graph. */
  #ask(atLeast: number, maxAgeMs: number): Promise<View> {
    const before = this.#asking?.promise;
    const answering = (async (): Promise<View> => {
      await before?.catch(() => {});
      return (this.#view = await this.#follow(atLeast, maxAgeMs * ANSWER_SHARE));
    })();
    const asking = { askedMs: this.#options.now(), atLeast, promise: answering };
    this.#asking = asking;
    const done = (): void => {
      if (this.#asking === asking) this.#asking = null;
    };
    // Other requests wait for the answer too, so it must come even if the client of this one has left.
    this.#options.keep(answering.then(done, done));
    return answering;
  }

  /** The view brought up to date, or a new one. */
  async #follow(atLeast: number, maxAgeMs: number): Promise<View> {
    let view = this.#view;
    for (;;) {
      const current = view ?? (await this.#readSnapshot());
      for (;;) {
        const askedMs = this.#options.now();
        const { part, ageMs } = await this.#options.feed.changes({
          since: current.version,
          atLeast,
          maxAgeMs,
        });
        if (part === null) break; // the log has been cut, or the namespace began anew
        for (const change of JSON.parse(part.changesJson) as TopologyChange[]) {
          current.graph.apply(change);
          if ('put' in change && change.put === 'bindings') current.bindings += change.bindings.length;
        }
        current.version += part.count;
        if (!part.isPartial) return { ...current, confirmedMs: askedMs - ageMs };
      }
      view = null;
    }
  }

  async #readSnapshot(): Promise<View> {
    const { feed } = this.#options;
    const graph = new RoutingGraph();
    let page = await feed.snapshot(null);
    const { version } = page;
    let bindings = graph.applyPage(page);
    while (page.next !== null) {
      page = await feed.snapshot(page.next);
      bindings += graph.applyPage(page);
    }
    return { graph, version, confirmedMs: 0, bindings };
  }
}
