/**
 * The contract of consumer members: one kind of request joins a group, keeps the membership and leaves, as Kafka's newer group protocol
 * (KIP-848) has it. Members make their ids themselves.
 */

import * as z from '../zod.ts';
import { ASSIGNORS } from '../assignors.ts';
import {
  GROUP_OFFSETS_MAX,
  GROUP_TOPICS_MAX,
  SESSION_TIMEOUT_MS_DEFAULT,
  SESSION_TIMEOUT_MS_MAX,
  SESSION_TIMEOUT_MS_MIN,
} from '../limits.ts';
import { nameSchema, wideNameSchema, topicPatternSchema } from './names.ts';
import { CLIENT_ID_LENGTH_MAX, REBALANCE_TIMEOUT_MS_MAX } from './classic-groups.ts';
import { memberReplySchema, namedPartitionSchema } from './groups.ts';

/** What `epoch` says, if it is not that of the last reply. */
export const CONSUMER_EPOCHS = { join: 0, leave: -1, leaveForNow: -2 } as const;

export const consumerMemberSchema = z
  .strictObject({
    member_id: z
      .string()
      .min(1)
      .max(255)
      .describe('An id that the member has made itself and that no other has: a UUID for example'),
    epoch: z
      .int()
      .min(CONSUMER_EPOCHS.leaveForNow)
      .describe(
        'The epoch of the last reply. 0: the member joins, or begins anew under its id. -1: it leaves. -2: its instance stops for now, and keeps its partitions for the session timeout',
      ),
    instance_id: wideNameSchema
      .optional()
      .describe('Of a static member. Another member may take its place when it has left with epoch -2'),
    topics: z
      .array(nameSchema)
      .max(GROUP_TOPICS_MAX)
      .optional()
      .describe('Topics to read; those that do not exist yet are read from then on. Left out: as before'),
    topic_pattern: topicPatternSchema
      .optional()
      .describe('A pattern of topics to read: `*` is any characters, `?` any one'),
    assignor: z.enum(ASSIGNORS).optional().describe('How partitions are spread. Left out: as before'),
    rack: nameSchema.optional().describe('Where the member runs; stored and shown'),
    session_timeout_ms: z
      .int()
      .min(SESSION_TIMEOUT_MS_MIN)
      .max(SESSION_TIMEOUT_MS_MAX)
      .default(SESSION_TIMEOUT_MS_DEFAULT)
      .describe('A member that is silent for this long is removed. Only with epoch 0'),
    rebalance_timeout_ms: z
      .int()
      .min(1)
      .max(REBALANCE_TIMEOUT_MS_MAX)
      .optional()
      .describe('A member that holds a revoked partition for this long is removed'),
    partitions: z
      .array(namedPartitionSchema)
      .max(GROUP_OFFSETS_MAX)
      .optional()
      .describe('The partitions that the member works on. Left out: those that it has named last'),
    client_id: z.string().max(CLIENT_ID_LENGTH_MAX).optional().describe('Shown'),
    client_host: z.string().max(1_000).optional().describe('Shown'),
  })
  .refine(
    ({ epoch, topics, topic_pattern }) =>
      epoch !== CONSUMER_EPOCHS.join || topics !== undefined || topic_pattern !== undefined,
    'a member that joins gives topics, topic_pattern or both',
  )
  .refine(
    ({ epoch, instance_id }) => epoch !== CONSUMER_EPOCHS.leaveForNow || instance_id !== undefined,
    'epoch -2 is for members with an instance_id',
  )
  .meta({
    allOf: [
      {
        if: { properties: { epoch: { const: CONSUMER_EPOCHS.join } }, required: ['epoch'] },
        then: { anyOf: [{ required: ['topics'] }, { required: ['topic_pattern'] }] },
      },
      {
        if: { properties: { epoch: { const: CONSUMER_EPOCHS.leaveForNow } }, required: ['epoch'] },
        then: { required: ['instance_id'] },
      },
    ],
  });
export type ConsumerMemberFields = z.output<typeof consumerMemberSchema>;

export const consumerMemberReplySchema = memberReplySchema
  .partial({ assignment: true, heartbeat_interval_ms: true })
  .describe('To a member that leaves: its id and the epoch of the request');
export type ConsumerMemberReply = z.infer<typeof consumerMemberReplySchema>;
