/** The calls on topics and their records. */

import * as z from '../zod.ts';
import {
  acceptedReplySchema,
  deleteRecordsQuerySchema,
  fetchQuerySchema,
  fetchReplySchema,
  produceBatchesReplySchema,
  produceQuerySchema,
  produceReplySchema,
  produceSchema,
} from '../schemas/records.ts';
import {
  partitionStateSchema,
  recordsDeletedSchema,
  topicChangeSchema,
  topicDeclarationSchema,
  topicDeletedSchema,
  topicListSchema,
  topicSchema,
} from '../schemas/topics.ts';
import { producerListSchema, producersQuerySchema } from '../schemas/producers.ts';
import { lagPageQuerySchema } from '../schemas/pages.ts';

import { onAll, onTopic } from './access-rule.ts';
import {
  BODY_ERRORS,
  FIELD_ERRORS,
  NAMESPACE_ERRORS,
  NAMESPACE_PATH,
  REQUEST_SOCKET,
  WHILE_WAITING,
  type Operation,
} from './operation.ts';

const TOPICS = `${NAMESPACE_PATH}/topics`;
const TOPIC = `${TOPICS}/{topic}`;
const PARTITION = `${TOPIC}/partitions/{partition}`;

const TOPIC_ERRORS = [...NAMESPACE_ERRORS, 'topic_not_found'] as const;
const PARTITION_ERRORS = [...TOPIC_ERRORS, 'partition_not_found', 'partition_unavailable'] as const;
const BATCH_ERRORS = [
  'truncated_batch',
  'unsupported_magic',
  'corrupt_batch',
  'unsupported_compression',
  'invalid_batch',
  'batch_too_large',
  'record_too_large',
  'too_many_records',
  'invalid_timestamp',
  'key_required',
] as const;

export const topicOperations = {
  listTopics: {
    id: 'listTopics',
    method: 'get',
    path: TOPICS,
    tag: 'topics',
    access: onAll('topic', 'view'),
    summary: 'List the topics',
    query: lagPageQuerySchema,
    replies: {
      200: { description: 'A page of the topics of the namespace, by name', json: topicListSchema },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  declareTopic: {
    id: 'declareTopic',
    method: 'put',
    path: TOPIC,
    tag: 'topics',
    access: onTopic('manage'),
    audit: true,
    summary:
      'Create a topic, or check that it has the given settings. Fields that are left out take their defaults and are not checked',
    body: { json: topicDeclarationSchema },
    replies: {
      200: { description: 'It existed with the same settings', json: topicSchema },
      201: { description: 'It was created', json: topicSchema },
    },
    errors: [
      'invalid_name',
      'namespace_not_found',
      'topic_differs',
      'jurisdiction_unavailable',
      'quota_exceeded',
      ...BODY_ERRORS,
    ],
  },
  getTopic: {
    id: 'getTopic',
    method: 'get',
    path: TOPIC,
    tag: 'topics',
    access: onTopic('view'),
    summary: 'Read the definition of a topic',
    replies: { 200: { description: 'The definition', json: topicSchema } },
    errors: TOPIC_ERRORS,
  },
  changeTopic: {
    id: 'changeTopic',
    method: 'patch',
    path: TOPIC,
    tag: 'topics',
    access: onTopic('manage'),
    audit: true,
    summary: 'Change the definition of a topic, or add partitions',
    body: { json: topicChangeSchema },
    replies: { 200: { description: 'The new definition', json: topicSchema } },
    errors: [...TOPIC_ERRORS, 'partitions_cannot_shrink', 'quota_exceeded', ...BODY_ERRORS],
  },
  deleteTopic: {
    id: 'deleteTopic',
    method: 'delete',
    path: TOPIC,
    tag: 'topics',
    access: onTopic('manage'),
    audit: true,
    summary: 'Delete a topic, its records and their storage',
    replies: { 200: { description: 'It is deleted', json: topicDeletedSchema } },
    errors: TOPIC_ERRORS,
  },
  produce: {
    id: 'produce',
    method: 'post',
    path: `${TOPIC}/records`,
    tag: 'records',
    access: onTopic('write', '`write` on the transactional id, if the request names one'),
    rate: 'publish',
    summary:
      'Append records. A refused request has stored nothing, except for `partly_stored`, which lists what is stored',
    query: produceQuerySchema,
    body: { json: produceSchema, batches: true },
    replies: {
      200: {
        description: 'Stored durably: `offsets` for JSON, `batches` for record batches',
        json: z.union([produceReplySchema, produceBatchesReplySchema]),
      },
      202: { description: 'Accepted without a promise (`acks: none`)', json: acceptedReplySchema },
    },
    errors: [
      ...PARTITION_ERRORS,
      ...BODY_ERRORS,
      ...BATCH_ERRORS,
      'partition_overloaded',
      'storage_full',
      'partly_stored',
      'cost_ceiling',
      'producer_fenced',
      'out_of_order_sequence',
      'unknown_producer',
      'inconsistent_topic_id',
      'transaction_not_found',
      'transaction_too_large',
      'transaction_in_progress',
      'transaction_unavailable',
    ],
  },
  openProduces: {
    id: 'openProduces',
    method: 'get',
    path: `${TOPIC}/records/stream`,
    tag: 'records',
    access: onTopic('write'),
    summary: 'Open a WebSocket whose frames are produce requests, each answered as the request would be',
    replies: {
      101: { description: REQUEST_SOCKET, json: produceBatchesReplySchema.extend({ id: z.int() }) },
    },
    errors: [...TOPIC_ERRORS, 'upgrade_required', 'quota'],
  },
  fetch: {
    id: 'fetch',
    method: 'get',
    path: `${PARTITION}/records`,
    tag: 'records',
    access: onTopic('read'),
    rate: 'deliver',
    summary: 'Read records from an offset or a time on, and optionally wait for the first',
    query: fetchQuerySchema,
    replies: {
      200: {
        description: `Records; as record batches, the first may begin before the offset asked for, and the members beside \`records\` are headers. As JSON: ${WHILE_WAITING}`,
        json: fetchReplySchema,
        batches: true,
      },
    },
    errors: [
      ...PARTITION_ERRORS,
      ...FIELD_ERRORS,
      'inconsistent_topic_id',
      'offset_below_start',
      'offset_past_end',
    ],
  },
  describePartition: {
    id: 'describePartition',
    method: 'get',
    path: PARTITION,
    tag: 'records',
    access: onTopic('view'),
    summary: 'Read the offsets, size and meter of a partition',
    replies: { 200: { description: 'The state of the partition', json: partitionStateSchema } },
    errors: PARTITION_ERRORS,
  },
  listProducers: {
    id: 'listProducers',
    method: 'get',
    path: `${PARTITION}/producers`,
    tag: 'producers',
    access: onTopic('read'),
    summary: 'List the producers that a partition remembers',
    query: producersQuerySchema,
    replies: { 200: { description: 'A page, by id', json: producerListSchema } },
    errors: [...PARTITION_ERRORS, ...FIELD_ERRORS],
  },
  deleteRecords: {
    id: 'deleteRecords',
    method: 'delete',
    path: `${PARTITION}/records`,
    tag: 'records',
    access: onTopic('manage'),
    audit: true,
    summary: 'Remove all records below an offset',
    query: deleteRecordsQuerySchema,
    replies: { 200: { description: 'The records are deleted', json: recordsDeletedSchema } },
    errors: [...PARTITION_ERRORS, ...FIELD_ERRORS, 'inconsistent_topic_id', 'offset_past_end'],
  },
} as const satisfies Record<string, Operation>;
