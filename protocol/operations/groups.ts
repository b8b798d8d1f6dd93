/** The calls on consumer groups. */

import {
  commitSchema,
  committedSchema,
  groupDeletedSchema,
  groupFetchQuerySchema,
  groupFetchSchema,
  groupListSchema,
  groupOffsetsSchema,
  groupRecordsSchema,
  groupStateSchema,
  heartbeatSchema,
  joinSchema,
  leftSchema,
  memberReplySchema,
  offsetsQuerySchema,
  resetReplySchema,
  resetSchema,
} from '../schemas/groups.ts';
import { consumerMemberReplySchema, consumerMemberSchema } from '../schemas/consumer-members.ts';
import { classicReplySchema, classicSchema } from '../schemas/classic-groups.ts';
import { lagPageQuerySchema } from '../schemas/pages.ts';
import { GROUP_RECORDS_TYPE } from '../headers/media-types.ts';
import { onAll, onGroup } from './access-rule.ts';
import {
  BODY_ERRORS,
  FIELD_ERRORS,
  NAMESPACE_ERRORS,
  NAMESPACE_PATH,
  WHILE_WAITING,
  type Operation,
} from './operation.ts';

const GROUPS = `${NAMESPACE_PATH}/groups`;
const GROUP = `${GROUPS}/{group}`;
const MEMBERS = `${GROUP}/members`;
const MEMBER = `${MEMBERS}/{member}`;

const GROUP_ERRORS = [...NAMESPACE_ERRORS, 'group_not_found', 'group_unavailable'] as const;
const MEMBER_ERRORS = [...GROUP_ERRORS, 'member_not_found', 'instance_fenced', 'stale_epoch'] as const;
const READ_ERRORS = [
  ...MEMBER_ERRORS,
  'partition_not_owned',
  'inconsistent_topic_id',
  'partition_unavailable',
] as const;

const records = {
  200: {
    description: `Records of all partitions, and the offsets to commit when they are handled. As bytes (\`accept: application/vnd.posthorn.group-records.v1\`): whole record batches with a heading; with \`;padded=1\` bytes 0xFF may come first, without it a wait ends after 2.5 s. ${WHILE_WAITING}`,
    json: groupRecordsSchema,
    frame: {
      type: GROUP_RECORDS_TYPE,
      description: 'Whole record batches with a heading (docs/frames.md), if `accept` asks for it',
    },
  },
} as const;

export const groupOperations = {
  listGroups: {
    id: 'listGroups',
    method: 'get',
    path: GROUPS,
    tag: 'groups',
    access: onAll('group', 'view'),
    summary: 'List the consumer groups',
    query: lagPageQuerySchema,
    replies: {
      200: { description: 'A page of the groups of the namespace, by name', json: groupListSchema },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  describeGroup: {
    id: 'describeGroup',
    method: 'get',
    path: GROUP,
    tag: 'groups',
    access: onGroup('view'),
    summary: 'Read the members of a group, their partitions, and the lag',
    replies: { 200: { description: 'The state of the group', json: groupStateSchema } },
    errors: GROUP_ERRORS,
  },
  deleteGroup: {
    id: 'deleteGroup',
    method: 'delete',
    path: GROUP,
    tag: 'groups',
    access: onGroup('manage'),
    audit: true,
    summary: 'Delete a group that has no members, with its offsets',
    replies: { 200: { description: 'It is deleted', json: groupDeletedSchema } },
    errors: [...GROUP_ERRORS, 'group_not_empty', 'partition_unavailable'],
  },
  joinGroup: {
    id: 'joinGroup',
    method: 'post',
    path: MEMBERS,
    tag: 'groups',
    access: onGroup('read', '`read` on the topics, and on all topics for a pattern'),
    summary: 'Join a group. The first member creates it',
    body: { json: joinSchema },
    replies: { 201: { description: 'The new member', json: memberReplySchema } },
    errors: [
      ...NAMESPACE_ERRORS,
      'group_unavailable',
      'group_full',
      'inconsistent_protocol',
      'quota_exceeded',
      'topic_not_found',
      ...BODY_ERRORS,
    ],
  },
  heartbeat: {
    id: 'heartbeat',
    method: 'post',
    path: `${MEMBER}/heartbeat`,
    tag: 'groups',
    access: onGroup('read'),
    summary: 'Heartbeat: stay a member, give up revoked partitions, and learn the assignment',
    body: { json: heartbeatSchema },
    replies: { 200: { description: 'The current assignment', json: memberReplySchema } },
    errors: [...MEMBER_ERRORS, ...BODY_ERRORS],
  },
  leaveGroup: {
    id: 'leaveGroup',
    method: 'delete',
    path: MEMBER,
    tag: 'groups',
    access: onGroup('read'),
    summary: 'Leave, or remove a member. Its partitions go to others, and it can no longer commit',
    replies: { 200: { description: 'The member is removed', json: leftSchema } },
    errors: [...GROUP_ERRORS, 'member_not_found', 'instance_fenced'],
  },
  fetchForMember: {
    id: 'fetchForMember',
    method: 'get',
    path: `${MEMBER}/records`,
    tag: 'groups',
    access: onGroup('read', '`read` on the assigned topics'),
    rate: 'deliver',
    summary: 'Read all partitions assigned to the member, from the committed offsets',
    query: groupFetchQuerySchema,
    replies: records,
    errors: [...READ_ERRORS, ...FIELD_ERRORS],
  },
  fetchFromPositions: {
    id: 'fetchFromPositions',
    method: 'post',
    path: `${MEMBER}/records`,
    tag: 'groups',
    access: onGroup('read', '`read` on the assigned topics'),
    rate: 'deliver',
    summary: 'Read from positions of the client, which reads ahead of what it commits',
    body: { json: groupFetchSchema },
    replies: records,
    errors: [...READ_ERRORS, 'offset_below_start', 'offset_past_end', ...BODY_ERRORS],
  },
  classicGroup: {
    id: 'classicGroup',
    method: 'post',
    path: `${GROUP}/classic`,
    tag: 'groups',
    access: onGroup('read'),
    summary:
      "Take part in a group whose members assign partitions themselves (Kafka's classic protocol): join, sync, heartbeat, leave. A join waits for the other members, a sync for the leader",
    body: { json: classicSchema },
    replies: { 200: { description: 'What the action brings', json: classicReplySchema } },
    errors: [
      ...NAMESPACE_ERRORS,
      'group_unavailable',
      'group_full',
      'quota_exceeded',
      'member_id_required',
      'member_not_found',
      'instance_fenced',
      'stale_epoch',
      'rebalance_in_progress',
      'inconsistent_protocol',
      ...BODY_ERRORS,
    ],
  },
  consumerMember: {
    id: 'consumerMember',
    method: 'post',
    path: `${GROUP}/consumer`,
    tag: 'groups',
    access: onGroup('read', '`read` on the topics, and on all topics for a pattern'),
    summary:
      "Take part in a group by one kind of request (Kafka's consumer protocol, KIP-848): join, report, change what is read, leave",
    body: { json: consumerMemberSchema },
    replies: { 200: { description: 'The current assignment', json: consumerMemberReplySchema } },
    errors: [
      ...MEMBER_ERRORS,
      'instance_in_use',
      'group_full',
      'inconsistent_protocol',
      'quota_exceeded',
      ...BODY_ERRORS,
    ],
  },
  commitOffsets: {
    id: 'commitOffsets',
    method: 'post',
    path: `${GROUP}/offsets`,
    tag: 'groups',
    access: onGroup('read', '`read` on the topics'),
    summary:
      'Commit offsets. Each partition accepts or refuses its own; a refusal lists which ones were committed',
    body: { json: commitSchema },
    replies: { 200: { description: 'All offsets are committed', json: committedSchema } },
    errors: [
      ...READ_ERRORS,
      'topic_not_found',
      'partition_not_found',
      'offset_past_end',
      'rebalance_in_progress',
      'group_not_empty',
      'quota_exceeded',
      ...BODY_ERRORS,
    ],
  },
  readOffsets: {
    id: 'readOffsets',
    method: 'get',
    path: `${GROUP}/offsets`,
    tag: 'groups',
    access: onGroup('view', '`view` on the topic that the query names'),
    summary: 'Read the committed offsets, and the lag',
    query: offsetsQuerySchema,
    replies: { 200: { description: 'By topic and partition', json: groupOffsetsSchema } },
    errors: [...GROUP_ERRORS, 'topic_not_found', 'partition_unavailable', ...FIELD_ERRORS],
  },
  resetOffsets: {
    id: 'resetOffsets',
    method: 'put',
    path: `${GROUP}/offsets`,
    tag: 'groups',
    access: onGroup('operate', '`view` on the topic'),
    audit: true,
    summary: 'Set the offsets of a group that has no members. The call creates a group that does not exist',
    body: { json: resetSchema },
    replies: { 200: { description: 'The changes that were made, or would be made', json: resetReplySchema } },
    errors: [
      ...NAMESPACE_ERRORS,
      'group_unavailable',
      'group_not_empty',
      'quota_exceeded',
      'topic_not_found',
      'inconsistent_topic_id',
      'partition_not_found',
      'partition_unavailable',
      ...BODY_ERRORS,
    ],
  },
} as const satisfies Record<string, Operation>;
