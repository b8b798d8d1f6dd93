/**
 * Classic groups: the requests of members that assign partitions themselves, as Kafka's first group protocol says. Most programs want a
 * `GroupConsumer` instead.
 */

import type { CallOptions } from '../client/options.ts';
import { groupPath } from '../client/names.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import { fromWire, toWire } from '../client/wire.ts';

export interface ClassicMemberClaim {
  /** As the reply to the join gave it. */
  memberId: string;
  /** Of a static member. */
  instanceId?: string | undefined;
  /** As the reply to the join gave it. */
  generation: number;
}

export interface ClassicJoin {
  action: 'join';
  /** Left out if the member has none yet. */
  memberId?: string | undefined;
  /** A member that joins with the same instance id takes the place of the one before. */
  instanceId?: string | undefined;
  clientId?: string;
  clientHost?: string;
  /** A member that is silent for so many ms is removed. */
  sessionTimeoutMs: number;
  /** How long others wait for it to join again, in ms. Default: the session timeout. */
  rebalanceTimeoutMs?: number;
  /** What the members do, `consumer` for example. */
  protocolType: string;
  /** How they may assign, what is liked best first. `metadata` is base64. */
  protocols: { name: string; metadata: string }[];
  /** Default true: a new member is refused with `member_id_required` and joins again with `details.member_id`. */
  needsId?: boolean;
}

export interface ClassicSync extends ClassicMemberClaim {
  action: 'sync';
  protocolType?: string | undefined;
  protocol?: string | undefined;
  /** From the leader; base64. */
  assignments?: { memberId: string; assignment: string }[];
}

export interface ClassicHeartbeat extends ClassicMemberClaim {
  action: 'heartbeat';
}

export interface ClassicLeave {
  action: 'leave';
  members: { memberId?: string; instanceId?: string | undefined }[];
}

export type ClassicRequest = ClassicJoin | ClassicSync | ClassicHeartbeat | ClassicLeave;

export interface ClassicReply {
  generation?: number;
  protocolType?: string;
  protocol?: string;
  leaderId?: string;
  memberId?: string;
  /** To the join of the leader: all members. To a leave: those of the request, with the code of the error if one could not leave. */
  members?: { memberId: string; instanceId: string | null; metadata?: string; code?: string }[];
  /** The leader is to leave the assignment as it is. */
  isAssigned?: boolean;
  /** To a sync, in base64. */
  assignment?: string;
}

/** The state of a classic group, of which `Groups.describe` tells. */
export interface ClassicState {
  phase: 'empty' | 'preparing' | 'completing' | 'stable';
  generation: number;
  protocolType: string;
  protocol: string;
  leaderId: string;
  members: {
    memberId: string;
    instanceId: string | null;
    clientId: string;
    clientHost: string;
    metadata: string;
    assignment: string;
  }[];
}

/** One attempt: a join or a sync that has waited may have been served. */
export async function callClassic(
  transport: Transport,
  group: string,
  request: ClassicRequest,
  options: CallOptions,
): Promise<ClassicReply> {
  const fields = toWire(request);
  for (const [name, value] of Object.entries(fields)) {
    if (Array.isArray(value)) fields[name] = value.map((each: object) => toWire(each));
  }
  const path = `${groupPath(group)}/classic`;
  const { bytes } = await transport.call({ method: 'POST', path, ...jsonBody(fields), ...options });
  const reply = JSON.parse(new TextDecoder().decode(bytes)) as { members?: object[] };
  const { members, ...rest } = reply;
  return {
    ...fromWire<ClassicReply>(rest),
    ...(members && { members: members.map((member) => fromWire(member)) }),
  };
}
