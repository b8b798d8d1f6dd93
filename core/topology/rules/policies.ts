/**
 * Policies: which one applies to a queue, and which configuration follows. The rules are RabbitMQ's
 * (https://www.rabbitmq.com/docs/policies), with two differences:
 *
 * - A pattern is a glob for the whole name, not a regular expression: matching one takes time linear in the name, where
 *   one tenant's regular expression could stop the namespace.
 * - One policy applies, and there are no operator policies beside it.
 *
 *   a field that         the policy has          the policy has not
 *   the queue was given  limits: the lower one   the queue's
 *                        others: the queue's, or the policy's if it is in `unless_policy`
 *   the queue was not    the policy's            the default
 *
 * Limits are `message_ttl_ms`, `expires_ms`, `max_length` and `max_bytes`; null is no limit, the highest there is. So an
 * operator can always make a queue smaller, and an application can always ask for less.
 */

import { matchesPattern } from '../../../protocol/names/name-pattern.ts';
import type { PolicySettings } from '../../../protocol/schemas/policies.ts';
import { QUEUE_DEFAULTS, type QueueConfig, type QueueDeclaration } from '../../../protocol/schemas/queues.ts';
import { givenFields, type Given } from '../given-fields.ts';

export interface PolicyDefinition {
  readonly name: string;
  /** `*`: any characters, `?`: any one. */
  readonly pattern: string;
  readonly priority: number;
  readonly definition: PolicySettings;
  /** The version of the topology that changed it last. */
  readonly version: number;
}

const LIMITS = ['message_ttl_ms', 'expires_ms', 'max_length', 'max_bytes'] as const;

/** Returns the policy that applies to a queue of this name: the highest priority, then the first by name. */
export function policyFor(policies: readonly PolicyDefinition[], queue: string): PolicyDefinition | null {
  let best: PolicyDefinition | null = null;
  for (const policy of policies) {
    if (!matchesPattern(policy.pattern, queue)) continue;
    if (best === null || isBefore(policy, best)) best = policy;
  }
  return best;
}

/**
 * Returns the configuration that a queue works with.
 * @param given the fields that its declaration and later changes have set
 */
export function effectiveConfig(
  given: Given<QueueDeclaration>,
  policy: PolicyDefinition | null,
): QueueConfig {
  const settings = givenFields(policy?.definition ?? {});
  const config: QueueConfig = { ...QUEUE_DEFAULTS, ...settings, ...given };
  const yielded = (given.unless_policy ?? []).filter((name) => settings[name] !== undefined);
  Object.assign(config, Object.fromEntries(yielded.map((name) => [name, settings[name]])));
  for (const limit of LIMITS) config[limit] = lower(given[limit], settings[limit]);
  return config;
}

function isBefore(a: PolicyDefinition, b: PolicyDefinition): boolean {
  return a.priority === b.priority ? a.name < b.name : a.priority > b.priority;
}

function lower(a: number | null | undefined, b: number | null | undefined): number | null {
  if (a == null) return b ?? null;
  return b == null ? a : Math.min(a, b);
}
