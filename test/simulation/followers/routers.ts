/**
 * Routers of one namespace that follow its topology through followers: the product's own code on simulated machines. The topology
 * changes all the time, and each publish is checked: it sees all that was changed more than a second before it began, and its own
 * changes at once.
 */

import { route } from '../../../core/exchange/route.ts';
import type { RoutingGraph, TopologyChange } from '../../../core/topology/routing/routing-graph.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { TopologyFollower } from '../../../durable-objects/topology-follower/topology-follower.ts';
import { FollowedGraph } from '../../../workers/cache/followed-graph.ts';
import { followerFeed } from '../../../workers/cache/follower-feed.ts';
import type { Network } from './network.ts';
import type { VirtualTime } from './virtual-time.ts';

const MAX_AGE_MS = 1_000;
const QUEUES = 50;
const CONTINENTS = ['EU', 'NA', 'AS'];

/** The topology: queues that come and go. */
class Leader {
  readonly #log: string[] = [];
  /** By queue: each change, and when it was made. */
  readonly history = new Map<string, { atMs: number; exists: boolean }[]>();
  readonly #graphNames = new Set<string>();

  get version(): number {
    return this.#log.length;
  }

  change(name: string, nowMs: number): number {
    const exists = !this.#graphNames.delete(name);
    if (exists) this.#graphNames.add(name);
    const change: TopologyChange = exists ? { put: 'queue', name } : { removed: 'queue', name };
    this.#log.push(JSON.stringify(change));
    this.history.set(name, [...(this.history.get(name) ?? []), { atMs: nowMs, exists }]);
    return this.version;
  }

  changesSince(version: number) {
    const texts = this.#log.slice(version, version + 1_000);
    const isPartial = version + texts.length < this.version;
    return { changesJson: `[${texts.join(',')}]`, count: texts.length, isPartial };
  }

  snapshot() {
    const names = { queues: [...this.#graphNames], exchanges: [] };
    return { version: this.version, names, bindingsJson: '[]', next: null };
  }
}

export class Routers {
  readonly leader = new Leader();
  published = 0;
  failed = 0;
  longestWaitMs = 0;
  /** What a publish saw that it must not have seen. */
  readonly faults: string[] = [];
  #isOn = true;
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #env: Env;
  readonly #followers = new Map<string, TopologyFollower>();

  constructor(time: VirtualTime, network: Network, random: () => number) {
    this.#time = time;
    this.#random = random;
    const leader = this.leader;
    const topology = {
      changesSince: (version: number) => network.call('topology', () => leader.changesSince(version)),
      snapshot: () => network.call('topology', () => leader.snapshot()),
    };
    const followerOf = (name: string): TopologyFollower => {
      const known = this.#followers.get(name) ?? new TopologyFollower({} as DurableObjectState, this.#env);
      this.#followers.set(name, known);
      return known;
    };
    const follower = (name: string) => ({
      changes: (...args: Parameters<TopologyFollower['changes']>) =>
        network.call(name, () => followerOf(name).changes(...args)),
      snapshot: (...args: Parameters<TopologyFollower['snapshot']>) =>
        network.call(name, () => followerOf(name).snapshot(...args)),
    });
    this.#env = {
      TOPOLOGY: { getByName: () => topology },
      TOPOLOGY_FOLLOWER: { getByName: follower },
    } as unknown as Env;
  }

  /**
   * @param ownChanges the share of publishes whose router changes their queue first
   * @param atOnce all begin within this time, in ms, on one continent. Default: each begins at some time before its second publish
   */
  start(count: number, publishEveryMs: number, ownChanges: number, atOnce?: number): void {
    this.#isOn = true;
    for (let index = 0; index < count; index++) {
      const continent = atOnce === undefined ? CONTINENTS[index % CONTINENTS.length]! : CONTINENTS[0]!;
      const place = { continent, chance: this.#random() };
      const graph = new FollowedGraph({
        feed: followerFeed(this.#env, 'default', place),
        now: () => this.#time.nowMs,
        keep: (work) => void work,
      });
      const next = (withinMs = 2 * publishEveryMs): void =>
        this.#time.after(this.#random() * withinMs, () => {
          if (!this.#isOn) return;
          void this.#publish(graph, this.#random() < ownChanges).then(() => next());
        });
      next(atOnce);
    }
  }

  /** Followers lose their memory, as when they are moved or deployed. */
  forget(): void {
    this.#followers.clear();
  }

  stop(): void {
    this.#isOn = false;
  }

  /** Others change the topology. */
  changeSometimes(everyMs: number): void {
    if (!this.#isOn) return;
    this.leader.change(this.#anyQueue(), this.#time.nowMs);
    this.#time.after(everyMs, () => this.changeSometimes(everyMs));
  }

  async #publish(graph: FollowedGraph, changesFirst: boolean): Promise<void> {
    const name = this.#anyQueue();
    const atLeast = changesFirst ? this.leader.change(name, this.#time.nowMs) : 0;
    const beganMs = this.#time.nowMs;
    try {
      const current = await graph.current(atLeast, MAX_AGE_MS);
      this.#check(current, name, changesFirst ? beganMs : beganMs - MAX_AGE_MS, beganMs);
      this.published += 1;
      this.longestWaitMs = Math.max(this.longestWaitMs, this.#time.nowMs - beganMs);
    } catch {
      this.failed += 1; // the client tries again
    }
  }

  /** What was so at some time since then is right. */
  #check(graph: RoutingGraph, name: string, sinceMs: number, beganMs: number): void {
    const history = this.leader.history.get(name) ?? [];
    const before = history.filter(({ atMs }) => atMs <= sinceMs).at(-1)?.exists ?? false;
    const possible = new Set([
      before,
      ...history.filter(({ atMs }) => atMs > sinceMs).map(({ exists }) => exists),
    ]);
    const routed = route(graph.table, '', { routingKey: name, headers: [] } as never);
    const exists = 'destinations' in routed && routed.destinations.length > 0;
    if (!possible.has(exists)) this.faults.push(`${name} at ${beganMs}: ${exists}, since ${sinceMs}`);
  }

  #anyQueue(): string {
    return `q${Math.floor(this.#random() * QUEUES)}`;
  }
}
