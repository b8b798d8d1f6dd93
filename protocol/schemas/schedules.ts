/** The contract of schedules: a message that is published again and again, at the times that a cron expression gives. */

import * as z from '../zod.ts';
import { ROUTING_KEY_BYTES_MAX } from '../limits.ts';
import { anyPropertiesSchema, inOrder, messageSchema } from './messages.ts';
import { nameSchema, wideNameSchema } from './names.ts';
import { utf8BytesMax } from './schema-rules.ts';
import { nextPage } from './pages.ts';

/** Schedules of a namespace: each is an object, and the watchdog visits them all. */
export const SCHEDULES_MAX = 1_000;

/** Of a schedule's message as JSON: it is kept by the topology, which all routers ask. */
export const SCHEDULE_MESSAGE_LENGTH_MAX = 65_536;

const CRON_LENGTH_MAX = 255;

const text = () =>
  z
    .string()
    .refine((value) => new TextEncoder().encode(value).length <= ROUTING_KEY_BYTES_MAX, {
      message: `at most ${ROUTING_KEY_BYTES_MAX} bytes of UTF-8`,
    })
    .meta(utf8BytesMax(ROUTING_KEY_BYTES_MAX));

export const scheduleTargetSchema = z.union([
  z.strictObject({ queue: wideNameSchema }),
  z.strictObject({ exchange: wideNameSchema, routing_key: text().default('') }),
  z.strictObject({ topic: nameSchema, key: text().optional().describe('Decides the partition') }),
]);
export type ScheduleTarget = z.infer<typeof scheduleTargetSchema>;

export const scheduleMessageSchema = messageSchema.extend({
  properties: inOrder(anyPropertiesSchema.omit({ message_id: true, deliver_at: true }))
    .optional()
    .describe('The properties of a message, without `message_id`, which the broker sets, and `deliver_at`'),
});
export type ScheduleMessage = z.infer<typeof scheduleMessageSchema>;

const fields = {
  cron: z
    .string()
    .min(1)
    .max(CRON_LENGTH_MAX)
    // Read by croner, in durable-objects/schedule.
    .meta({
      format: 'cron',
      pattern: '^\\s*(?:@(?:yearly|annually|monthly|weekly|daily|hourly)|\\S+(?:\\s+\\S+){4})\\s*$',
      examples: ['*/5 * * * *', '0 9 * * MON-FRI', '30 2 1,15 * *', '@hourly', '@daily'],
    })
    .describe(
      'Minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly. If both days are given, either one is enough',
    ),
  time_zone: z
    .string()
    .min(1)
    .max(64)
    .meta({
      format: 'iana-time-zone',
      examples: ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'],
    })
    .default('UTC')
    .describe('The IANA name of the time zone'),
  target: scheduleTargetSchema.describe('Where the message is published to'),
  message: scheduleMessageSchema,
  catch_up: z
    .enum(['once', 'none'])
    .default('once')
    .describe(
      'What happens after missed times. `once`: one message for the latest. `none`: nothing, if the first of them is more than a minute ago',
    ),
  ends_at: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .nullable()
    .default(null)
    .describe('No occurrence lies after it, in ms since 1970; null: it does not end'),
};

export const scheduleDeclarationSchema = z.strictObject(fields);
export type ScheduleDeclaration = z.infer<typeof scheduleDeclarationSchema>;

const scheduleBaseSchema = z.object({
  schedule: nameSchema,
  ...fields,
  is_paused: z.boolean(),
});

export const scheduleSchema = scheduleBaseSchema.extend({
  topology_version: z.int().min(1).describe('The version of the topology that this answer was read from'),
});
export type ScheduleReply = z.infer<typeof scheduleSchema>;

export const scheduleStateSchema = z.object({
  next: z
    .int()
    .nullable()
    .describe('The next occurrence, in ms since 1970; null: it is paused, or has ended'),
  last: z
    .object({
      occurrence: z.int().describe('The time that it stood for, in ms'),
      by: z.enum(['cron', 'trigger']),
      at: z.int().describe('When this came of it, in ms'),
      outcome: z
        .enum(['published', 'unroutable', 'failed'])
        .describe('`unroutable`: the exchange had no binding that took it'),
      code: z.string().optional().describe('Of a failure'),
      detail: z.string().optional(),
    })
    .nullable(),
  pending: z.int().min(0).describe('Publishes that have failed so far and are tried again'),
});
export type ScheduleState = z.infer<typeof scheduleStateSchema>;

export const scheduleWithStateSchema = scheduleSchema.extend({ state: scheduleStateSchema });
export type ScheduleWithStateReply = z.infer<typeof scheduleWithStateSchema>;

export const scheduleListSchema = z.object({ schedules: z.array(scheduleBaseSchema), next: nextPage() });
export type ScheduleList = z.infer<typeof scheduleListSchema>;

export const scheduleDeletedSchema = z.object({ schedule: nameSchema, topology_version: z.int().min(1) });

export const scheduleTriggeredSchema = z.object({
  schedule: nameSchema,
  message_id: z.string(),
  outcome: z
    .enum(['published', 'unroutable', 'failed', 'pending'])
    .describe('`pending`: it could not be published yet, and is tried again'),
  code: z.string().optional().describe('Of a failure'),
  detail: z.string().optional(),
});
export type ScheduleTriggered = z.infer<typeof scheduleTriggeredSchema>;
