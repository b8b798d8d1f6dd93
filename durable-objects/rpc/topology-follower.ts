/** Methods of a follower of the topology that routers and other followers call. */

import type { LogPart } from '../../core/topology/follow/followed-log.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { SnapshotPage, SnapshotPosition } from './topology.ts';

/** Which follower is asked. An object does not know its own name. */
export interface FollowerAddress {
  namespace: string;
  /** The root asks the topology, the others ask the root. */
  isRoot: boolean;
}

export interface ChangesQuestion {
  /** The version of the asker. */
  since: number;
  /** The version that the answer must not be older than. */
  atLeast: number;
  /** How old the answer may be, in ms. */
  maxAgeMs: number;
}

/** Null: start anew with a snapshot. */
export interface ChangesAnswer {
  part: LogPart | null;
  /** How long ago the topology had nothing newer, in ms. */
  ageMs: number;
}

export interface DefinitionsQuestion {
  /** Names. */
  queues: readonly string[];
  topics: readonly string[];
  /** The version that no definition must be older than. */
  atLeast: number;
  /** The topology itself has to be asked, after this question was. */
  isFresh: boolean;
}

export interface VersionedQueue {
  queue: QueueDefinition;
  /** At which it was read. */
  topologyVersion: number;
}

export interface VersionedTopic {
  topic: TopicDefinition;
  topologyVersion: number;
}

/** Those that are not there are left out. */
export interface DefinitionsAnswer {
  queues: VersionedQueue[];
  topics: VersionedTopic[];
  /** At which those are not there that are left out; 0: none is. */
  topologyVersion: number;
}

export interface TopologyFollowerMethods extends Rpc.DurableObjectBranded {
  /** @param spread that of the asker, null if another follower asks. The answer has its next one. */
  changes(
    address: FollowerAddress,
    question: ChangesQuestion,
    spread: number | null,
  ): Promise<ChangesAnswer & { spread: number }>;
  definitions(
    address: FollowerAddress,
    question: DefinitionsQuestion,
    spread: number | null,
  ): Promise<DefinitionsAnswer & { spread: number }>;
  /** A page of the routing graph. It may be older than a second; the changes after its version lead on. */
  snapshot(address: FollowerAddress, after: SnapshotPosition | null): Promise<SnapshotPage>;
}
