/**
 * The contract of classic groups: groups whose members assign partitions themselves, as Kafka's first group protocol says. Metadata and
 * assignments are bytes that only the members understand.
 */

import * as z from '../zod.ts';
import { GROUP_MEMBERS_MAX, SESSION_TIMEOUT_MS_MAX, SESSION_TIMEOUT_MS_MIN } from '../limits.ts';
import { wideNameSchema } from './names.ts';
import type { SchemaRule } from './schema-rules.ts';

/** What one member says of itself, or is assigned. */
const BYTES_LENGTH_MAX = 1_400_000;

const bytes = () =>
  z
    .string()
    .max(BYTES_LENGTH_MAX)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/, 'expected base64')
    .describe('Bytes in base64');

const memberId = () => z.string().max(512);
const generation = () => z.int().min(0).describe('As the reply to the join gave it');

const claim = {
  member_id: memberId().min(1).describe('As the reply to the join gave it'),
  instance_id: wideNameSchema.optional().describe('Of a static member'),
  generation: generation(),
};

export const CLIENT_ID_LENGTH_MAX = 1_000;
export const REBALANCE_TIMEOUT_MS_MAX = 3_600_000;

export const classicJoinSchema = z.strictObject({
  action: z.literal('join'),
  member_id: memberId().default('').describe('Empty: it has none yet'),
  instance_id: wideNameSchema
    .optional()
    .describe('A member that joins with the same instance id takes the place of the one before'),
  client_id: z
    .string()
    .max(CLIENT_ID_LENGTH_MAX)
    .default('')
    .describe('Shown, and the beginning of new member ids'),
  client_host: z.string().max(1_000).default('').describe('Shown'),
  session_timeout_ms: z
    .int()
    .min(SESSION_TIMEOUT_MS_MIN)
    .max(SESSION_TIMEOUT_MS_MAX)
    .describe('A member that is silent for this long is removed'),
  rebalance_timeout_ms: z
    .int()
    .min(1)
    .max(REBALANCE_TIMEOUT_MS_MAX)
    .describe('How long others wait for it to join again. Default: the session timeout')
    .optional(),
  protocol_type: z.string().max(255).describe('What the members do, `consumer` for example'),
  protocols: z
    .array(z.strictObject({ name: z.string().max(255), metadata: bytes() }))
    .max(100)
    .describe('How they may assign, what is liked best first'),
  needs_id: z
    .boolean()
    .default(true)
    .describe(
      'A new member is refused with `member_id_required` and joins again with the id that it is given',
    ),
});

export const classicSyncSchema = z.strictObject({
  action: z.literal('sync'),
  ...claim,
  protocol_type: z.string().max(255).optional().describe('Refused if it is not that of the group'),
  protocol: z.string().max(255).optional().describe('Refused if it is not the one in use'),
  assignments: z
    .array(z.strictObject({ member_id: memberId(), assignment: bytes() }))
    .max(GROUP_MEMBERS_MAX)
    .default([])
    .describe('From the leader'),
});

export const classicHeartbeatSchema = z.strictObject({ action: z.literal('heartbeat'), ...claim });

export const classicLeaveSchema = z.strictObject({
  action: z.literal('leave'),
  members: z
    .array(z.strictObject({ member_id: memberId().default(''), instance_id: wideNameSchema.optional() }))
    .min(1)
    .max(1_000),
});

/** The schema of each action. */
export const CLASSIC_ACTIONS = {
  join: classicJoinSchema,
  sync: classicSyncSchema,
  heartbeat: classicHeartbeatSchema,
  leave: classicLeaveSchema,
};

type Shape = Record<string, z.ZodType>;

function withoutDefaults(shape: Shape): Shape {
  const inner = (field: z.ZodType): z.ZodType =>
    field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field;
  return Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, inner(field).optional()]));
}

/** What an action needs, and what it does not take, as a rule of the document. */
function actionRule(action: string, shape: Shape): SchemaRule {
  const needed = Object.keys(shape).filter((name) => !shape[name]!.safeParse(undefined).success);
  const others = [...MEMBERS].filter((name) => !Object.hasOwn(shape, name));
  return {
    if: { properties: { action: { const: action } } },
    then: { required: needed, properties: Object.fromEntries(others.map((name) => [name, false])) },
  };
}

const MEMBERS = new Set(Object.values(CLASSIC_ACTIONS).flatMap(({ shape }) => Object.keys(shape)));

/** All of them as one object: which members an action takes and needs, its own schema says. */
export const classicSchema = z.whenUsed(() =>
  z
    .strictObject({
      ...withoutDefaults(classicJoinSchema.shape),
      ...withoutDefaults(classicSyncSchema.shape),
      member_id: memberId()
        .optional()
        .describe('As the reply to the join gave it; to a join: left out if it has none yet'),
      members: classicLeaveSchema.shape.members.optional().describe('Of a leave'),
      action: z.enum(['join', 'sync', 'heartbeat', 'leave']).describe('What the member does'),
    })
    .meta({ allOf: Object.entries(CLASSIC_ACTIONS).map(([action, { shape }]) => actionRule(action, shape)) }),
);
export type ClassicFields = z.output<typeof classicSchema>;

export const classicReplySchema = z.object({
  generation: z.int().optional().describe('To a join: the number of the rebalance that it is part of'),
  protocol_type: z.string().optional(),
  protocol: z.string().optional().describe('The one in use'),
  leader_id: z.string().optional().describe('The member that assigns'),
  member_id: z.string().optional(),
  members: z
    .array(
      z.object({
        member_id: z.string(),
        instance_id: z.string().nullable(),
        metadata: z.string().optional(),
        code: z.string().optional().describe('Why it could not leave'),
      }),
    )
    .optional()
    .describe('To the join of the leader: all members. To a leave: those of the request'),
  is_assigned: z.boolean().optional().describe('The leader is to leave the assignment as it is'),
  assignment: z.string().optional().describe('To a sync: what the leader has given to the member'),
});
export type ClassicReply = z.infer<typeof classicReplySchema>;

export const classicStateSchema = z.object({
  phase: z.enum(['empty', 'preparing', 'completing', 'stable']),
  generation: z.int(),
  protocol_type: z.string(),
  protocol: z.string(),
  leader_id: z.string(),
  members: z.array(
    z.object({
      member_id: z.string(),
      instance_id: z.string().nullable(),
      client_id: z.string(),
      client_host: z.string(),
      metadata: z.string(),
      assignment: z.string(),
    }),
  ),
});
export type ClassicState = z.infer<typeof classicStateSchema>;
