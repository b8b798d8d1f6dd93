/** Alert definitions: what a declaration makes, and which queues keep which rules. */

import type { AlertDeclaration } from '../../../protocol/schemas/alerts.ts';
import type { AlertRule } from '../../alerts/alert-rule.ts';
import { matchesPattern } from '../../../protocol/names/name-pattern.ts';

export interface AlertDefinition extends AlertRule {
  /** `*`: any characters, `?`: any one. */
  readonly pattern: string;
  /** The version of the topology that changed it last. */
  readonly version: number;
}

/**
 * Returns the rule that a declaration makes; the same object if nothing changes.
 * @param newSecret used if neither the declaration nor the existing rule has a secret
 */
export function declareAlert(
  existing: AlertDefinition | null,
  name: string,
  declaration: AlertDeclaration,
  nextVersion: number,
  newSecret: string,
): { definition: AlertDefinition; madeSecret: boolean } {
  const { pattern, metric, threshold, for_ms: forMs, webhook } = declaration;
  const secret = webhook.secret ?? existing?.webhook.secret ?? newSecret;
  const made: AlertDefinition = {
    name,
    id: existing?.id ?? nextVersion,
    pattern,
    metric,
    threshold,
    forMs,
    webhook: { url: webhook.url, secret },
    version: nextVersion,
  };
  const madeSecret = secret === newSecret;
  if (existing && JSON.stringify({ ...existing, version: 0 }) === JSON.stringify({ ...made, version: 0 })) {
    return { definition: existing, madeSecret };
  }
  return { definition: made, madeSecret };
}

/** Returns the rules that a queue of this name has to keep, by name. */
export function alertsFor(alerts: readonly AlertDefinition[], queue: string): AlertRule[] {
  return alerts
    .filter(({ pattern }) => matchesPattern(pattern, queue))
    .map(({ name, id, metric, threshold, forMs, webhook }) => ({
      name,
      id,
      metric,
      threshold,
      forMs,
      webhook,
    }));
}
