/**
 * Topology follower: answers routers in place of the topology. It keeps a copy in memory and nothing on disk, so that one that
 * was evicted begins anew. The root of a namespace asks the topology, at a pace; the leaves ask the root.
 */

import { DurableObject } from 'cloudflare:workers';
import { Pace } from '../../core/topology/follow/pace.ts';
import { AskRate, nextSpread } from '../../core/topology/follow/spread.ts';
import type { Env } from '../env.ts';
import type {
  ChangesAnswer,
  ChangesQuestion,
  FollowerAddress,
  TopologyFollowerMethods,
} from '../rpc/topology-follower.ts';
import type { SnapshotPage, SnapshotPosition } from '../rpc/topology.ts';
import { rootFollowerStub, topologyStub } from '../stubs.ts';
import { TopologyCopy, type Parent } from './topology-copy.ts';

/** So that the topology is asked at most 64 times a second, whatever is asked. */
const TURN_MS = 16;

export class TopologyFollower extends DurableObject<Env> implements TopologyFollowerMethods {
  readonly #rate = new AskRate();
  #copy: TopologyCopy | null = null;

  async changes(
    address: FollowerAddress,
    question: ChangesQuestion,
    spread: number | null,
  ): Promise<ChangesAnswer & { spread: number }> {
    const rate = this.#rate.note(Date.now());
    const answer = await this.#copyOf(address).changes(question);
    return { ...answer, spread: spread === null ? 0 : nextSpread(spread, rate) };
  }

  snapshot(address: FollowerAddress, after: SnapshotPosition | null): Promise<SnapshotPage> {
    this.#rate.note(Date.now());
    return this.#copyOf(address).snapshot(after);
  }

  /** An object has one address for all its life. */
  #copyOf({ namespace, isRoot }: FollowerAddress): TopologyCopy {
    return (this.#copy ??= new TopologyCopy(
      isRoot ? topologyAsParent(this.env, namespace) : rootAsParent(this.env, namespace),
      () => Date.now(),
    ));
  }
}

function topologyAsParent(env: Env, namespace: string): Parent {
  const pace = new Pace(TURN_MS);
  const turn = async (): Promise<void> => {
    const waitMs = pace.take(Date.now());
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  };
  return {
    changes: async ({ since }) => {
      await turn();
      return { part: await topologyStub(env, namespace).changesSince(since), ageMs: 0 };
    },
    snapshot: async (after) => {
      await turn();
      return await topologyStub(env, namespace).snapshot(after);
    },
  };
}

function rootAsParent(env: Env, namespace: string): Parent {
  const address = { namespace, isRoot: true };
  return {
    changes: (question) => rootFollowerStub(env, namespace).changes(address, question, null),
    snapshot: (after) => rootFollowerStub(env, namespace).snapshot(address, after),
  };
}
