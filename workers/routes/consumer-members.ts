/** Consumer members: heartbeats of Kafka's newer group protocol. */

import type { Hono } from 'hono';
import { needsOf } from '../../core/access/reach.ts';
import { JOINS } from '../../core/group/consumer/heartbeat.ts';
import { callGroup } from '../../durable-objects/call-group.ts';
import type { BeatRequest, ConsumerRequest } from '../../durable-objects/rpc/group.ts';
import { isFailure } from '../../protocol/errors.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  consumerMemberSchema,
  type ConsumerMemberFields,
  type ConsumerMemberReply,
} from '../../protocol/schemas/consumer-members.ts';
import { refuseReach } from '../access/authorize.ts';
import { knownTopics, refreshTopics } from '../cache/known-topics.ts';
import { readNamed, seenTopologyVersion, type AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { bind } from './bind.ts';
import { heldPartition, memberReply, targeted } from './groups.ts';

export function consumerMemberRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.consumerMember, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, consumerMemberSchema);
    if (isFailure(body)) return problem(c, body);
    const { topics, topic_pattern: pattern, member_id: memberId, epoch } = body.fields;
    const read = [...(topics ?? []), ...(pattern === undefined ? [] : ['*'])];
    const refused = refuseReach(c, needsOf('topic', read, 'read'));
    if (refused) return problem(c, refused);
    const { namespace, name } = path;
    const seen = seenTopologyVersion(c);
    // A member that says what it reads gets it at once, also topics that are new.
    const isSubscribing = topics !== undefined || pattern !== undefined;
    const known = isSubscribing
      ? await refreshTopics(c.env, namespace)
      : await knownTopics(c.env, namespace, seen);
    const request = requestOf(body.fields, known.topologyVersion);
    const view = await callGroup(c.env, namespace, name, 'consumer', namespace, name, request);
    if (isFailure(view)) return problem(c, view);
    if ('left' in view) return c.json({ member_id: memberId, epoch } satisfies ConsumerMemberReply);
    const shown = epoch === JOINS ? null : epoch;
    const beat: BeatRequest = { memberId, epoch: shown, held: 'unsaid', isFetch: false };
    const current = await targeted(c, path, view, beat, isSubscribing ? known.topologyVersion : seen);
    return isFailure(current) ? problem(c, current) : c.json(memberReply(current));
  });
}

function requestOf(fields: ConsumerMemberFields, topologyVersion: number): ConsumerRequest {
  const { client_id: id, client_host: host } = fields;
  return {
    memberId: fields.member_id,
    epoch: fields.epoch,
    instanceId: fields.instance_id ?? null,
    topics: fields.topics === undefined ? null : [...new Set(fields.topics)],
    pattern: fields.topic_pattern ?? null,
    assignor: fields.assignor ?? null,
    rack: fields.rack ?? null,
    sessionTimeoutMs: fields.session_timeout_ms,
    rebalanceTimeoutMs: fields.rebalance_timeout_ms ?? null,
    client: id === undefined && host === undefined ? null : { id: id ?? '', host: host ?? '' },
    held: fields.partitions?.map(heldPartition) ?? null,
    topologyVersion,
  };
}
