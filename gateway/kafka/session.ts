/** Session: what the answer to a request depends on beside the request: the connection, who has logged in, and the settings. */

import type { BrokerClient } from './broker/broker-client.ts';
import type { PartitionFeeds } from './fetch/partition-feeds.ts';
import type { ShareConnection } from './share/share-connection.ts';
import type { ShareMembers } from './share/share-members.ts';
import type { TopicPattern } from './topics/topic-pattern.ts';
import type { Appenders } from './produce/appenders.ts';

/** Where clients reach this gateway. */
export interface Address {
  host: string;
  port: number;
}

export interface Session {
  client: BrokerClient;
  /** As the client has dialled it, or as the gateway is told to advertise. */
  address: Address;
  /** Makes topics that a client asks for and that are not there. */
  autoCreate: boolean;
  /** Of a topic that is made and does not say how many. */
  partitions: number;
  /** What the client calls itself, in its last request. */
  clientId(): string;
  clientHost: string;
  feeds: PartitionFeeds;
  appenders: Appenders;
  /** Of members of groups that the broker assigns to, by `group/member`: the assignment that they were told last. */
  assignments: Map<string, string>;
  /** Of those members that read by a regular expression. */
  patterns: Map<string, { pattern: TopicPattern; names: readonly string[] }>;
  /** Of share groups: what is read by this gateway's connections, and who takes part by it. */
  shares: ShareConnection;
  shareMembers: ShareMembers;
  /** Fires when the connection has ended. */
  signal: AbortSignal;
}

/** The one virtual broker. */
export const NODE_ID = 1;

/** There is one leader, which never changes. The batches of clients have it too. */
export const LEADER_EPOCH = 0;

/** The body of an answer; null: the client wants none. */
export type Handler<Body> = (session: Session, body: Body, version: number) => Promise<object | null>;
