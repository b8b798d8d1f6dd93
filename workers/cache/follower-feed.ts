/**
 * Follower feed: changes of a topology from the follower that this isolate shall ask. Each answer says among how many leaves of its
 * continent the isolate chooses from then on.
 */

import { leafOf, SPREAD_AFTER_FAILURE, SPREAD_AT_START } from '../../core/topology/follow/spread.ts';
import { leafFollowerStub, rootFollowerStub, topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import type {
  DefinitionsAnswer,
  DefinitionsQuestion,
  FollowerAddress,
  TopologyFollowerMethods,
} from '../../durable-objects/rpc/topology-follower.ts';
import type { Feed } from './followed-graph.ts';

/** Where an isolate is: it stays in one data centre. */
export interface Place {
  continent: string;
  /** From 0 to 1. */
  chance: number;
}

const here: { continent: string; chance?: number } = { continent: 'none' };

export function noteContinent(cf: unknown): void {
  here.continent = (cf as { continent?: string } | undefined)?.continent ?? here.continent;
}

/** The chance is drawn when it is first needed, because the platform has no randomness before a request. */
function placeOfIsolate(): Place {
  return { continent: here.continent, chance: (here.chance ??= Math.random()) };
}

export interface FollowerFeed extends Feed {
  definitions(question: DefinitionsQuestion): Promise<DefinitionsAnswer>;
}

/** Feeds of more namespaces begin anew with their spread. */
const FEEDS_MAX = 1_000;

const feeds = new Map<string, FollowerFeed>();

/** Returns the feed of a namespace in this isolate. */
export function feedOf(env: Env, namespace: string): FollowerFeed {
  const known = feeds.get(namespace);
  if (known) return known;
  if (feeds.size >= FEEDS_MAX) feeds.clear();
  const feed = followerFeed(env, namespace, placeOfIsolate());
  feeds.set(namespace, feed);
  return feed;
}

export function followerFeed(env: Env, namespace: string, { continent, chance }: Place): FollowerFeed {
  let spread = SPREAD_AT_START;

  async function ask<Answer>(
    call: (stub: DurableObjectStub<TopologyFollowerMethods>, address: FollowerAddress) => Promise<Answer>,
  ): Promise<Answer> {
    const leaf = leafOf(spread, chance);
    return leaf === null
      ? await call(rootFollowerStub(env, namespace), { namespace, isRoot: true })
      : await call(leafFollowerStub(env, namespace, continent, leaf), { namespace, isRoot: false });
  }

  /** Once more, elsewhere if possible: an object may be overloaded, or moving to another machine. */
  async function askTwice<Answer>(call: Parameters<typeof ask<Answer>>[0]): Promise<Answer> {
    try {
      return await ask(call);
    } catch {
      spread = SPREAD_AFTER_FAILURE;
      return await ask(call);
    }
  }

  return {
    changes: async (question) => {
      const answer = await askTwice((stub, address) => stub.changes(address, question, spread));
      spread = answer.spread;
      return answer;
    },
    definitions: async (question) => {
      const answer = await askTwice((stub, address) => stub.definitions(address, question, spread));
      spread = answer.spread;
      return answer;
    },
    snapshot: (after) => askTwice((stub, address) => stub.snapshot(address, after)),
  };
}

/** The topology itself, whose answers are never old. */
export function topologyFeed(env: Env, namespace: string): Feed {
  return {
    changes: async ({ since }) => ({
      part: await topologyStub(env, namespace).changesSince(since),
      ageMs: 0,
    }),
    snapshot: async (after) => await topologyStub(env, namespace).snapshot(after),
  };
}
