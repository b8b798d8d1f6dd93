/** The calls on share groups. */

import {
  acknowledgedSchema,
  acknowledgeSchema,
  acquiredSchema,
  acquireSchema,
  resetShareSchema,
  shareGroupConfigSchema,
  shareGroupDeletedSchema,
  shareGroupListSchema,
  shareGroupSchema,
  shareGroupStateSchema,
} from '../schemas/share-groups.ts';
import { ACQUIRED_RECORDS_TYPE } from '../headers/media-types.ts';
import { resetReplySchema } from '../schemas/groups.ts';
import { namePageQuerySchema } from '../schemas/pages.ts';
import { onAll, onShareGroup } from './access-rule.ts';
import {
  BODY_ERRORS,
  FIELD_ERRORS,
  NAMESPACE_ERRORS,
  NAMESPACE_PATH,
  WHILE_WAITING,
  type Operation,
} from './operation.ts';

const GROUPS = `${NAMESPACE_PATH}/share-groups`;
const GROUP = `${GROUPS}/{share_group}`;
const GROUP_ERRORS = [...NAMESPACE_ERRORS, 'share_group_not_found'] as const;

export const shareGroupOperations = {
  listShareGroups: {
    id: 'listShareGroups',
    method: 'get',
    path: GROUPS,
    tag: 'share groups',
    access: onAll('group', 'view'),
    summary: 'List the share groups',
    query: namePageQuerySchema,
    replies: {
      200: {
        description: 'A page of the share groups of the namespace, by name',
        json: shareGroupListSchema,
      },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  putShareGroup: {
    id: 'putShareGroup',
    method: 'put',
    path: GROUP,
    tag: 'share groups',
    access: onShareGroup('manage', '`read` on the topics, and `write` on where dead letters go'),
    audit: true,
    summary: 'Create a share group or replace its settings. Its progress stays',
    body: { json: shareGroupConfigSchema },
    replies: {
      200: { description: 'It existed, and now has the given settings', json: shareGroupSchema },
      201: { description: 'It was created', json: shareGroupSchema },
    },
    errors: [
      ...NAMESPACE_ERRORS,
      'topic_not_found',
      'queue_not_found',
      'too_many_share_groups',
      'quota_exceeded',
      ...BODY_ERRORS,
    ],
  },
  describeShareGroup: {
    id: 'describeShareGroup',
    method: 'get',
    path: GROUP,
    tag: 'share groups',
    access: onShareGroup('view'),
    summary: 'Read a share group, and for each partition its start, records in flight, and lag',
    replies: { 200: { description: 'The state of the share group', json: shareGroupStateSchema } },
    errors: [...GROUP_ERRORS, 'partition_unavailable'],
  },
  resetShareGroup: {
    id: 'resetShareGroup',
    method: 'put',
    path: `${GROUP}/offsets`,
    tag: 'share groups',
    access: onShareGroup('operate', '`view` on the topic'),
    audit: true,
    summary: 'Set where a share group goes on. Locked records are free for all',
    body: { json: resetShareSchema },
    replies: {
      200: { description: 'The changes that were made, or would be made', json: resetReplySchema },
    },
    errors: [
      ...GROUP_ERRORS,
      'partition_not_found',
      'inconsistent_topic_id',
      'partition_unavailable',
      ...BODY_ERRORS,
    ],
  },
  deleteShareGroup: {
    id: 'deleteShareGroup',
    method: 'delete',
    path: GROUP,
    tag: 'share groups',
    access: onShareGroup('manage'),
    audit: true,
    summary: 'Delete a share group, with its dead letters that still wait',
    replies: { 200: { description: 'It is deleted', json: shareGroupDeletedSchema } },
    errors: GROUP_ERRORS,
  },
  acquireRecords: {
    id: 'acquireRecords',
    method: 'post',
    path: `${GROUP}/records`,
    tag: 'share groups',
    access: onShareGroup('read', '`read` on the topics'),
    rate: 'deliver',
    summary: 'Acquire records of all partitions. Each is locked for this member until it is acknowledged',
    body: { json: acquireSchema },
    replies: {
      200: {
        description: `The records, each with its tag. ${WHILE_WAITING}`,
        json: acquiredSchema,
        frame: {
          type: ACQUIRED_RECORDS_TYPE,
          description: 'Stored batches (docs/frames.md, Acquired records)',
        },
      },
    },
    errors: [...GROUP_ERRORS, 'partition_not_found', 'partition_unavailable', ...BODY_ERRORS],
  },
  acknowledgeRecords: {
    id: 'acknowledgeRecords',
    method: 'post',
    path: `${GROUP}/acknowledgements`,
    tag: 'share groups',
    access: onShareGroup('read'),
    summary: 'Accept, release or reject records, or lock them for longer. Each tag stands alone',
    body: { json: acknowledgeSchema },
    replies: { 200: { description: 'The outcome of each tag', json: acknowledgedSchema } },
    errors: [...GROUP_ERRORS, 'partition_unavailable', 'too_many_tags', ...BODY_ERRORS],
  },
} as const satisfies Record<string, Operation>;
