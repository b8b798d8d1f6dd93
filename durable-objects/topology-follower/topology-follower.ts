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
  DefinitionsAnswer,
  DefinitionsQuestion,
  FollowerAddress,
  TopologyFollowerMethods,
} from '../rpc/topology-follower.ts';
import type { SnapshotPage, SnapshotPosition } from '../rpc/topology.ts';
import { replyData } from '../rpc/reply-data.ts';
import { rootFollowerStub, topologyStub } from '../stubs.ts';
import { DefinitionCopy, type AskParent } from './definition-copy.ts';
import { TopologyCopy, type Parent } from './topology-copy.ts';

/** So that the topology is asked at most 64 times a second, whatever is asked. */
const TURN_MS = 16;

interface Copies {
  topology: TopologyCopy;
  definitions: DefinitionCopy;
}

export class TopologyFollower extends DurableObject<Env> implements TopologyFollowerMethods {
  readonly #rate = new AskRate();
  #copies: Copies | null = null;

  async changes(
    address: FollowerAddress,
    question: ChangesQuestion,
    spread: number | null,
  ): Promise<ChangesAnswer & { spread: number }> {
    const rate = this.#rate.note(Date.now());
    const answer = await this.#copiesOf(address).topology.changes(question);
    return { ...answer, spread: spread === null ? 0 : nextSpread(spread, rate) };
  }

  async definitions(
    address: FollowerAddress,
    question: DefinitionsQuestion,
    spread: number | null,
  ): Promise<DefinitionsAnswer & { spread: number }> {
    const rate = this.#rate.note(Date.now());
    const answer = await this.#copiesOf(address).definitions.definitions(question);
    return { ...answer, spread: spread === null ? 0 : nextSpread(spread, rate) };
  }

  snapshot(address: FollowerAddress, after: SnapshotPosition | null): Promise<SnapshotPage> {
    this.#rate.note(Date.now());
    return this.#copiesOf(address).topology.snapshot(after);
  }

  /** An object has one address for all its life. */
  #copiesOf({ namespace, isRoot }: FollowerAddress): Copies {
    if (this.#copies) return this.#copies;
    const parent = isRoot ? topologyAsParent(this.env, namespace) : rootAsParent(this.env, namespace);
    return (this.#copies = {
      topology: new TopologyCopy(parent, () => Date.now()),
      definitions: new DefinitionCopy(parent.definitions),
    });
  }
}

function topologyAsParent(env: Env, namespace: string): Parent & { definitions: AskParent } {
  const pace = new Pace(TURN_MS);
  const turn = async (): Promise<void> => {
    const waitMs = pace.take(Date.now());
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  };
  return {
    changes: async ({ since }) => {
      await turn();
      const part = await topologyStub(env, namespace).changesSince(since);
      return { part: part && replyData(part), ageMs: 0 };
    },
    snapshot: async (after) => {
      await turn();
      return replyData(await topologyStub(env, namespace).snapshot(after));
    },
    definitions: async ({ queues, topics }) => {
      await turn();
      const read = await topologyStub(env, namespace).definitions(queues, topics);
      const { topologyVersion } = read;
      return {
        queues: read.queues.map((queue) => ({ queue, topologyVersion })),
        topics: read.topics.map((topic) => ({ topic, topologyVersion })),
        topologyVersion,
      };
    },
  };
}

function rootAsParent(env: Env, namespace: string): Parent & { definitions: AskParent } {
  const address = { namespace, isRoot: true };
  return {
    changes: async (question) =>
      replyData(await rootFollowerStub(env, namespace).changes(address, question, null)),
    snapshot: async (after) => replyData(await rootFollowerStub(env, namespace).snapshot(address, after)),
    definitions: async (question) =>
      replyData(await rootFollowerStub(env, namespace).definitions(address, question, null)),
  };
}
