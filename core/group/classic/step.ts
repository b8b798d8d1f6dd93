/** Step: one call of a classic group, with what goes in and what comes out. */

import type { Failure } from '../../../protocol/errors.ts';
import type { ClassicProtocol } from './classic-group.ts';

export interface Joined {
  generation: number;
  protocolType: string;
  protocol: string;
  leaderId: string;
  memberId: string;
  /** Of the leader, which has to assign: all members with their metadata. */
  members: { id: string; instanceId: string | null; metadata: string }[];
  /** The leader is to leave the assignment as it is. */
  isAssigned: boolean;
}

export interface Synced {
  protocolType: string;
  protocol: string;
  assignment: string;
}

/** What goes to a member whose request has waited. */
export type Answer = { memberId: string } & ({ joined: Joined | Failure } | { synced: Synced | Failure });

/** One call: when it is, the epochs of the group, and what comes of it. */
export interface Step {
  nowMs: number;
  /** Begins an epoch of the group and returns it. */
  nextEpoch: () => number;
  answers: Answer[];
  /** Something has changed that has to be stored. */
  isChanged: boolean;
}

export interface ClassicJoin {
  /** Empty: the member has none yet. */
  memberId: string;
  instanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocolType: string;
  protocols: ClassicProtocol[];
  /** A new member is given its id first, and joins with it then. */
  needsId: boolean;
}

export interface ClassicSync extends MemberClaim {
  /** Null from a client that does not say. */
  protocolType: string | null;
  protocol: string | null;
  /** By member; from the leader alone. */
  assignments: Record<string, string>;
}

export interface MemberClaim {
  memberId: string;
  instanceId: string | null;
  generation: number;
}
