/**
 * Entries of a document of definitions: the settings of one definition by the names of its declaration. Those that are there
 * and those that are wanted have the same form, so that they can be compared field by field.
 */

import { policySettingsSchema } from '../../../protocol/schemas/policies.ts';
import { QUEUE_DEFAULTS } from '../../../protocol/schemas/queues.ts';
import { EXCHANGE_DEFAULTS } from '../../../protocol/schemas/exchanges.ts';
import type { DeclaredSource } from '../../../protocol/schemas/subscriptions.ts';
import { TOPIC_DEFAULTS } from '../../../protocol/schemas/topics.ts';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import type { DefinitionKind } from '../../../protocol/schemas/definitions.ts';
import type { ExchangeDefinition } from '../exchanges.ts';
import type { HookDefinition } from '../hooks.ts';
import type { QueueEntry } from '../queues/queue-entry.ts';
import type { AlertDefinition } from '../rules/alerts.ts';
import type { PolicyDefinition } from '../rules/policies.ts';
import type { ScheduleDefinition } from '../schedules.ts';
import type { ShareGroupDefinition } from '../share-groups.ts';
import type { SubscriptionDefinition } from '../subscriptions.ts';
import type { TopicDefinition } from '../topics.ts';

export type Entry = Readonly<Record<string, unknown>>;

/** A binding has no name and no settings: it is what it connects. */
export type NamedKind = Exclude<DefinitionKind, 'binding'>;

/** What the topology keeps of each kind. */
export interface KeptDefinitions {
  topic: TopicDefinition;
  queue: QueueEntry;
  exchange: ExchangeDefinition;
  policy: PolicyDefinition;
  alert: AlertDefinition;
  schedule: ScheduleDefinition;
  subscription: SubscriptionDefinition;
  hook: HookDefinition;
  share_group: ShareGroupDefinition;
}

/** Fields that no reply shows. One that is left out stays as it is. */
export const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'secret',
  'next_secret',
  'authorization',
  'oauth',
]);

/** Returns the settings of a definition that is there, its secrets among them. */
export const presentEntry: { readonly [Kind in NamedKind]: (kept: KeptDefinitions[Kind]) => Entry } = {
  topic: ({ config }) => ({ ...config }),
  queue: ({ given }) => ownQueueSettings(given),
  exchange: ({ type, internal, alternate_exchange, auto_delete, hash_header }) => ({
    type,
    internal,
    alternate_exchange,
    auto_delete,
    hash_header,
  }),
  policy: ({ pattern, priority, definition }) => ({ pattern, priority, definition }),
  alert: ({ pattern, metric, threshold, forMs, webhook: { url, secret } }) => ({
    pattern,
    metric,
    threshold,
    for_ms: forMs,
    webhook: { url },
    secret,
  }),
  schedule: ({ config }) => {
    const { trace: _, ...declared } = config;
    return declared;
  },
  subscription: ({ config, secret, nextSecret, authorization, oauth }) => ({
    ...config,
    secret,
    next_secret: nextSecret,
    authorization,
    oauth: oauth ?? null,
  }),
  hook: ({ config, secret, nextSecret }) => ({ ...config, secret, next_secret: nextSecret }),
  share_group: ({ config }) => ({ ...config }),
};

/** Returns the settings that an entry of a document asks for: what it leaves out has its default. */
export function wantedEntry(kind: NamedKind, { [kind]: name, ...settings }: Entry): Entry {
  switch (kind) {
    case 'topic':
      return { ...TOPIC_DEFAULTS, ...settings };
    case 'queue':
      return ownQueueSettings(settings);
    case 'exchange':
      return { ...EXCHANGE_DEFAULTS, ...settings };
    case 'alert': {
      const { secret, ...webhook } = settings['webhook'] as { url: string; secret?: string };
      return { ...settings, webhook, ...(secret !== undefined && { secret }) };
    }
    case 'share_group':
      return { dead_letter: { queue: defaultDeadLetterQueue(name as string) }, ...settings };
    case 'subscription': {
      const source = settings['source'] as DeclaredSource;
      const letters = 'topic' in source && { dead_letter: { queue: defaultDeadLetterQueue(name as string) } };
      return { ...settings, source: { ...letters, ...source } };
    }
    case 'policy':
    case 'schedule':
    case 'hook':
      return settings;
  }
}

/** Returns an entry as a document has it: with its name and without its secrets. */
export function exportedEntry(kind: NamedKind, name: string, entry: Entry): Entry {
  const shown = Object.entries(entry).filter(([field]) => !SECRET_FIELDS.has(field));
  return { [kind]: name, ...Object.fromEntries(shown) };
}

const LIMITS = new Set(['message_ttl_ms', 'expires_ms', 'max_length', 'max_bytes']);

/**
 * Returns the settings that make a difference when a queue has them of its own. A default does if a policy could set another
 * value instead; "no limit" does not, because the lower limit counts.
 */
function ownQueueSettings(given: Entry): Entry {
  const defaults: Entry = { ...QUEUE_DEFAULTS };
  const own = Object.entries(given).filter(([field, value]) => {
    if (LIMITS.has(field)) return value !== null;
    return Object.hasOwn(policySettingsSchema.shape, field) || value !== defaults[field];
  });
  return Object.fromEntries(own);
}
