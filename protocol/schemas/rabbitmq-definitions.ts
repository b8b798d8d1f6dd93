/**
 * The form of RabbitMQ's definitions files, of a whole cluster or of one virtual host
 * (https://www.rabbitmq.com/docs/definitions). What nobody here reads may have any form.
 */

import * as z from '../zod.ts';
import { DEFINITIONS_ENTRIES_MAX } from '../limits.ts';

const list = <Fields extends z.ZodRawShape>(fields: Fields, description: string) =>
  z.array(z.looseObject(fields)).max(DEFINITIONS_ENTRIES_MAX).optional().describe(description);

/** Entries of a file of one virtual host do not say which. */
const virtualHost = { vhost: z.string().optional() };
const flag = () => z.boolean().optional();
const table = () => z.record(z.string(), z.unknown()).optional();

/** Members that only files of RabbitMQ have. */
const MARKS = [
  'rabbit_version',
  'rabbitmq_version',
  'vhosts',
  'users',
  'permissions',
  'topic_permissions',
  'parameters',
  'global_parameters',
];

/** As JSON Schema has it, that `isRabbitmqDocument`. */
const recognized = {
  not: { required: ['posthorn'] },
  anyOf: [
    ...MARKS.map((name) => ({ required: [name] })),
    ...['queues', 'exchanges'].map((name) => ({ required: [name], properties: { [name]: { minItems: 1 } } })),
  ],
};

export const rabbitmqDefinitionsSchema = z
  .looseObject({
    vhosts: list({ name: z.string() }, 'Virtual hosts'),
    exchanges: list(
      {
        ...virtualHost,
        name: z.string(),
        type: z.string(),
        durable: flag(),
        auto_delete: flag(),
        internal: flag(),
        arguments: table(),
      },
      'Exchanges',
    ),
    queues: list(
      { ...virtualHost, name: z.string(), durable: flag(), auto_delete: flag(), arguments: table() },
      'Queues with their x-arguments',
    ),
    bindings: list(
      {
        ...virtualHost,
        source: z.string(),
        destination: z.string(),
        destination_type: z.enum(['queue', 'exchange']),
        routing_key: z.string().optional(),
        arguments: table(),
      },
      'Bindings',
    ),
    policies: list(
      {
        ...virtualHost,
        name: z.string(),
        pattern: z.string(),
        'apply-to': z.string().optional(),
        definition: z.record(z.string(), z.unknown()),
        priority: z.int().optional(),
      },
      'Policies. A pattern is a regular expression',
    ),
    users: list({ name: z.string() }, 'Users. None is made: credentials are tokens'),
    permissions: list({ ...virtualHost, user: z.string() }, 'Rights of users. None is given'),
    topic_permissions: list({ ...virtualHost, user: z.string() }, 'As `permissions`'),
    parameters: list({ ...virtualHost, name: z.string() }, 'Parameters of plugins. None is set'),
    global_parameters: list({ name: z.string() }, 'As `parameters`'),
  })
  .meta(recognized);
export type RabbitmqDefinitions = z.output<typeof rabbitmqDefinitionsSchema>;

/** Returns whether a document is meant as one of RabbitMQ. A short one by hand may have no member but queues, which have a `name` there. */
export function isRabbitmqDocument(json: unknown): boolean {
  if (typeof json !== 'object' || json === null || 'posthorn' in json) return false;
  const hasNames = (entries: unknown): boolean =>
    Array.isArray(entries) && entries.some((entry: { name?: unknown } | null) => entry?.name !== undefined);
  const { queues, exchanges } = json as Record<string, unknown>;
  return MARKS.some((name) => name in json) || hasNames(queues) || hasNames(exchanges);
}
