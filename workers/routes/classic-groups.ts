/** Classic groups: what their members ask for. */

import type { Hono } from 'hono';
import type { ClassicAnswer, ClassicRequest } from '../../durable-objects/rpc/group.ts';
import { callGroup } from '../../durable-objects/call-group.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  CLASSIC_ACTIONS,
  classicSchema,
  type ClassicFields,
  type ClassicReply,
} from '../../protocol/schemas/classic-groups.ts';
import { problem } from '../http/problem.ts';
import { check } from '../../protocol/fields/check.ts';
import { readBody } from '../http/request.ts';
import { bind } from './bind.ts';
import { readNamed, type AppEnv } from '../http/context.ts';

export function classicGroupRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.classicGroup, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, classicSchema);
    if (isFailure(body)) return problem(c, body);
    const request = requestOf(body.fields);
    if (isFailure(request)) return problem(c, request);
    const { namespace, name } = path;
    const answer = await callGroup(c.env, namespace, name, 'classic', namespace, name, request);
    return isFailure(answer) ? problem(c, answer) : c.json(replyOf(answer, request));
  });
}

function requestOf(fields: ClassicFields): ClassicRequest | Failure {
  const checked = check(CLASSIC_ACTIONS[fields.action], fields, 'body');
  if (isFailure(checked)) return checked;
  const given = checked.fields;
  switch (given.action) {
    case 'join':
      return {
        action: 'join',
        memberId: given.member_id,
        instanceId: given.instance_id ?? null,
        clientId: given.client_id,
        clientHost: given.client_host,
        sessionTimeoutMs: given.session_timeout_ms,
        rebalanceTimeoutMs: given.rebalance_timeout_ms ?? given.session_timeout_ms,
        protocolType: given.protocol_type,
        protocols: given.protocols,
        needsId: given.needs_id,
      };
    case 'sync':
      return {
        action: 'sync',
        ...claimOf(given),
        protocolType: given.protocol_type ?? null,
        protocol: given.protocol ?? null,
        assignments: Object.fromEntries(
          given.assignments.map(({ member_id: id, assignment }) => [id, assignment]),
        ),
      };
    case 'heartbeat':
      return { action: 'heartbeat', ...claimOf(given) };
    case 'leave':
      return {
        action: 'leave',
        members: given.members.map(({ member_id: memberId, instance_id: instanceId = null }) => ({
          memberId,
          instanceId,
        })),
      };
  }
}

function claimOf(given: { member_id: string; instance_id?: string | undefined; generation: number }): {
  memberId: string;
  instanceId: string | null;
  generation: number;
} {
  return { memberId: given.member_id, instanceId: given.instance_id ?? null, generation: given.generation };
}

function replyOf({ joined, synced, left }: ClassicAnswer, request: ClassicRequest): ClassicReply {
  if (joined) {
    const { generation, protocolType, protocol, leaderId, memberId, members, isAssigned } = joined;
    return {
      generation,
      protocol_type: protocolType,
      protocol,
      leader_id: leaderId,
      member_id: memberId,
      members: members.map(({ id, instanceId, metadata }) => ({
        member_id: id,
        instance_id: instanceId,
        metadata,
      })),
      is_assigned: isAssigned,
    };
  }
  if (synced) {
    const { protocolType, protocol, assignment } = synced;
    return { protocol_type: protocolType, protocol, assignment };
  }
  if (!left || request.action !== 'leave') return {};
  return {
    members: request.members.map(({ memberId, instanceId }, at) => {
      const outcome = left[at]!;
      const code = typeof outcome === 'string' ? {} : { code: outcome.code };
      return { member_id: memberId, instance_id: instanceId, ...code };
    }),
  };
}
