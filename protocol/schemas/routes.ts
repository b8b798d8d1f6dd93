/** The contract of asking where an exchange would send a message. */

import * as z from '../zod.ts';
import { headersInSchema } from '../json/header-fields.ts';
import { ROUTE_SHOWN_MAX, ROUTE_STEPS_MAX, ROUTING_KEY_BYTES_MAX } from '../limits.ts';
import { wideNameSchema } from './names.ts';
import { DESTINATION_KINDS } from './exchanges.ts';
import { utf8BytesMax } from './schema-rules.ts';

export const routeRequestSchema = z.strictObject({
  routing_key: z
    .string()
    .refine((text) => new TextEncoder().encode(text).length <= ROUTING_KEY_BYTES_MAX, {
      message: `at most ${ROUTING_KEY_BYTES_MAX} bytes of UTF-8`,
    })
    .meta(utf8BytesMax(ROUTING_KEY_BYTES_MAX))
    .default(''),
  headers: headersInSchema({ isBrokers: true })
    .optional()
    .describe('As a message has them. Nothing else of a message matters for its route'),
});

const shown = z.object({ kind: z.enum(DESTINATION_KINDS), name: wideNameSchema });

export const routeSchema = z.object({
  destinations: z
    .array(z.object({ kind: z.enum(['queue', 'topic']), name: wideNameSchema }))
    .describe(`The queues and topics that would store it, each once; at most ${ROUTE_SHOWN_MAX} are shown`),
  destination_count: z.int().min(0).describe('How many there are, with those that are not shown'),
  unroutable: z.boolean().describe('Nothing would store it. A mandatory message would be reported'),
  steps: z
    .array(
      z.object({
        exchange: z.string().describe('`amq.default` stands for the default exchange'),
        by: z
          .enum(['publish', 'binding', 'alternate'])
          .describe(
            'What leads to it: the publish, a binding, or the lack of one (it is the alternate exchange)',
          ),
        from: z.string().nullable().describe('The exchange that leads to it; null for the first'),
        matched: z.array(shown).describe('Where its bindings send the message, each once'),
        alternate: z
          .string()
          .nullable()
          .describe('Its alternate exchange, if that gets the message because no binding takes it'),
      }),
    )
    .describe(`The exchanges that the message meets, in order; at most ${ROUTE_STEPS_MAX} are shown`),
  hidden_steps: z
    .int()
    .min(0)
    .describe(
      'Exchanges that are not shown: too many, or the caller has no right to view them. What only they reach is not shown either',
    ),
});
export type Route = z.infer<typeof routeSchema>;
