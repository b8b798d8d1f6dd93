/** Consumer groups: members, and what an operator asks and does. */

import type { Hono } from 'hono';
import { needsOf } from '../../core/access/reach.ts';
import { membersOf, type ClassicGroup } from '../../core/group/classic/classic-group.ts';
import { assignmentOf, isEmpty, refOf, revokedOf, type Member } from '../../core/group/group-state.ts';
import type {
  BeatRequest,
  GroupDescription,
  HeldPartition,
  MemberView,
} from '../../durable-objects/rpc/group.ts';
import { callGroup } from '../../durable-objects/call-group.ts';
import { partitionStub, topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import {
  heartbeatSchema,
  joinSchema,
  type GroupList,
  type GroupMemberReply,
  type GroupState,
  type IdentifiedPartition,
  type JoinFields,
  type MemberReply,
  type NamedPartition,
  type TopicPartition,
} from '../../protocol/schemas/groups.ts';
import { PAGE_ITEMS_MAX } from '../../protocol/limits.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { refreshTopics } from '../cache/known-topics.ts';
import { withTarget, type GroupPath } from '../groups/assign.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { pageOfPartitions, partitionsOfGroup, readGroupOffsets } from '../groups/group-offsets.ts';
import { settleTopics } from '../groups/resolve-topics.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readNamed, seenTopologyVersion, type AppContext, type AppEnv } from '../http/context.ts';
import { listWithLag } from './list-with-lag.ts';

export function groupRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listGroups, (c) =>
    listWithLag(c, 'groups', (groups, lagOf): GroupList => ({
      groups: groups.map(({ name }) => ({ group: name, ...lagOf(name) })),
    })),
  );

  bind(app, calls.joinGroup, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, joinSchema);
    if (isFailure(body)) return problem(c, body);
    const { topics = [], topic_pattern: pattern } = body.fields;
    const read = pattern === undefined ? topics : [...topics, '*'];
    const refused = refuseReach(c, needsOf('topic', read, 'read'));
    if (refused) return problem(c, refused);
    const joined = await join(c, path, body.fields);
    return isFailure(joined) ? problem(c, joined) : c.json(memberReply(joined), 201);
  });

  bind(app, calls.heartbeat, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, heartbeatSchema);
    if (isFailure(body)) return problem(c, body);
    const { epoch, partitions = 'assigned' } = body.fields;
    const held = typeof partitions === 'string' ? partitions : partitions.map(heldPartition);
    const beat: BeatRequest = { memberId: readMember(c), epoch, held, isFetch: false };
    const view = await heartbeatOf(c, path, beat);
    return isFailure(view) ? problem(c, view) : c.json(memberReply(view));
  });

  bind(app, calls.leaveGroup, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const memberId = readMember(c);
    const left = await callGroup(c.env, path.namespace, path.name, 'leave', memberId);
    return isFailure(left) ? problem(c, left) : c.json({ member_id: memberId });
  });

  bind(app, calls.describeGroup, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const described = await callGroup(c.env, path.namespace, path.name, 'describe');
    if (isFailure(described)) return problem(c, described);
    const { topics } = await refreshTopics(c.env, path.namespace);
    const page = pageOfPartitions(partitionsOfGroup(described.state, topics), undefined, PAGE_ITEMS_MAX);
    const offsets = await readGroupOffsets(c.env, path.name, page.partitions);
    if (isFailure(offsets)) return problem(c, offsets);
    const { next } = page;
    return c.json({
      ...stateReply(path.name, described, offsets),
      ...(next !== undefined && { offsets_next: next }),
    });
  });

  bind(app, calls.deleteGroup, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const deleted = await deleteGroup(c, path);
    return isFailure(deleted) ? problem(c, deleted) : c.json({ group: path.name });
  });
}

/** The heartbeat of a member, which also brings the target of its group up to date. */
export async function heartbeatOf(
  c: AppContext,
  path: GroupPath,
  beat: BeatRequest,
): Promise<MemberView | Failure> {
  const view = await callGroup(c.env, path.namespace, path.name, 'heartbeat', beat);
  if (isFailure(view)) return view;
  return await targeted(c, path, view, beat, seenTopologyVersion(c));
}

export async function targeted(
  c: AppContext,
  path: GroupPath,
  view: MemberView,
  beat: BeatRequest,
  atLeast: number,
): Promise<MemberView | Failure> {
  const current = await withTarget(c.env, path, view, beat, atLeast);
  if (!isFailure(current)) await settleTopics(c.env, path, current);
  return current;
}

export function readMember(c: AppContext): string {
  return c.req.param('member') ?? '';
}

export function memberReply({ memberId, epoch, assignment, heartbeatIntervalMs }: MemberView): MemberReply {
  return {
    member_id: memberId,
    epoch,
    assignment: assignment.map(({ topic, topicId, partition }) => ({ topic, topic_id: topicId, partition })),
    heartbeat_interval_ms: heartbeatIntervalMs,
  };
}

async function join(c: AppContext, path: GroupPath, fields: JoinFields): Promise<MemberView | Failure> {
  const topics = [...new Set(fields.topics ?? [])];
  const known = await refreshTopics(c.env, path.namespace);
  const names = new Set(known.topics.map(({ name }) => name));
  const missing = topics.find((topic) => !names.has(topic));
  if (missing !== undefined) {
    return failure(
      'topic_not_found',
      `there is no topic "${missing}" in namespace "${path.namespace}"; make it first, or join with a topic_pattern`,
    );
  }
  const view = await callGroup(c.env, path.namespace, path.name, 'join', path.namespace, path.name, {
    topics,
    pattern: fields.topic_pattern ?? null,
    assignor: fields.assignor,
    instanceId: fields.instance_id ?? null,
    rack: fields.rack ?? null,
    autoOffsetReset: fields.auto_offset_reset,
    sessionTimeoutMs: fields.session_timeout_ms,
    topologyVersion: known.topologyVersion,
  });
  if (isFailure(view)) return view;
  const beat: BeatRequest = { memberId: view.memberId, epoch: view.epoch, held: [], isFetch: false };
  return await targeted(c, path, view, beat, known.topologyVersion);
}

/** Its offsets first: a group that is half deleted can be deleted again. */
async function deleteGroup(c: AppContext, { namespace, name }: GroupPath): Promise<Failure | null> {
  const begun = await callGroup(c.env, namespace, name, 'beginChange');
  if (isFailure(begun)) return begun;
  const { topics } = await refreshTopics(c.env, namespace);
  const partitions = partitionsOfGroup(begun.state, topics);
  try {
    await inBatches(partitions, ({ topic, partition }) =>
      partitionStub(c.env, topic, partition).forgetGroup(name),
    );
  } catch (error) {
    console.error(`the offsets of group ${name} could not be removed`, error);
    return failure('partition_unavailable', `not all offsets of group "${name}" could be removed; try again`);
  }
  const deleted = await callGroup(c.env, namespace, name, 'deleteGroup', begun.epoch);
  if (isFailure(deleted)) return deleted;
  await topologyStub(c.env, namespace).forgetGroup(name);
  return null;
}

export function heldPartition({ topic, partition, topic_id: topicId }: NamedPartition): HeldPartition {
  return { topic, partition, ...(topicId !== undefined && { topicId }) };
}

function stateReply(
  group: string,
  { state, isStable, assignor, meter }: GroupDescription,
  offsets: GroupState['offsets'],
): GroupState {
  return {
    group,
    state: isEmpty(state) ? 'empty' : isStable ? 'stable' : 'reconciling',
    epoch: state.epoch,
    assignor,
    members: Object.values(state.members).map((member) => describeMember(state, member)),
    ...(state.classic && { classic: classicState(state.classic) }),
    offsets,
    meter: { rows_written: meter.rowsWritten, calls: meter.calls, since: meter.since },
  };
}

function classicState(classic: ClassicGroup): NonNullable<GroupState['classic']> {
  const { phase, generation, protocolType, protocol, leaderId } = classic;
  return {
    phase,
    generation,
    protocol_type: protocolType,
    protocol,
    leader_id: leaderId,
    members: membersOf(classic).map((member) => ({
      member_id: member.id,
      instance_id: member.instanceId,
      client_id: member.clientId,
      client_host: member.clientHost,
      metadata: member.protocols.find(({ name }) => name === protocol)?.metadata ?? '',
      assignment: member.assignment,
    })),
  };
}

function describeMember(state: GroupDescription['state'], member: Member): GroupMemberReply {
  const identified = ({ topic, partition }: TopicPartition): IdentifiedPartition => ({
    topic,
    topic_id: refOf(state, topic).id,
    partition,
  });
  return {
    member_id: member.id,
    instance_id: member.instanceId,
    topics: [...member.topics],
    topic_pattern: member.pattern,
    assignor: member.assignor,
    rack: member.rack,
    session_timeout_ms: member.sessionTimeoutMs,
    ...(member.client && { client_id: member.client.id, client_host: member.client.host }),
    assignment: assignmentOf(member).map(identified),
    revoking: revokedOf(member).map(identified),
  };
}
