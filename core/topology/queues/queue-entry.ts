/** Queue entry: a queue as the topology keeps it. Its given fields and its policy determine its configuration. */

import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { QUEUE_DEFAULTS, type QueueChange, type QueueDeclaration } from '../../../protocol/schemas/queues.ts';
import { alertsFor, type AlertDefinition } from '../rules/alerts.ts';
import { givenFields, type Given } from '../given-fields.ts';
import { effectiveConfig, policyFor, type PolicyDefinition } from '../rules/policies.ts';
import { changeQueue, declareQueue, type QueueDefinition } from './queues.ts';

export interface QueueEntry {
  readonly name: string;
  /** The definition that its object gets. Its `config` is the effective one. */
  readonly definition: QueueDefinition;
  /** The fields that its declaration and later changes have set. Declarations are compared with these. */
  readonly given: Given<QueueDeclaration>;
  /** The name of the policy that applies. */
  readonly policy: string | null;
}

export function declareQueueEntry(
  existing: QueueEntry | null,
  policies: readonly PolicyDefinition[],
  namespace: string,
  name: string,
  declaration: QueueDeclaration,
  nextVersion: number,
): { entry: QueueEntry; isNew: boolean } | Failure {
  const own = existing && withoutPolicy(existing);
  const declared = declareQueue(own, namespace, name, declaration, nextVersion);
  if (isFailure(declared)) return declared;
  if (existing !== null) return { entry: existing, isNew: false };
  const entry = { name, definition: declared.definition, given: givenFields(declaration), policy: null };
  return { entry: applyPolicies(entry, policies, nextVersion), isNew: true };
}

/** Returns the entry after a change; the same object if nothing changes. */
export function changeQueueEntry(
  existing: QueueEntry,
  policies: readonly PolicyDefinition[],
  change: QueueChange,
  nextVersion: number,
): QueueEntry {
  const own = withoutPolicy(existing);
  const given = { ...existing.given, ...givenFields(change) };
  if (changeQueue(own, change, nextVersion) === own && sameText(given, existing.given)) return existing;
  const definition = { ...existing.definition, version: nextVersion };
  return applyPolicies({ ...existing, definition, given }, policies, nextVersion);
}

/** Returns the entry with the settings of a declaration instead of its own. What it leaves out returns to its default. */
export function replaceQueueEntry(
  existing: QueueEntry,
  policies: readonly PolicyDefinition[],
  declaration: QueueDeclaration,
  nextVersion: number,
): QueueEntry | Failure {
  const priorityMax = declaration.max_priority ?? QUEUE_DEFAULTS.max_priority;
  const { max_priority: present } = existing.definition.config;
  if (priorityMax !== present) {
    return failure(
      'queue_differs',
      `queue "${existing.name}" exists and its max_priority is ${present}, not ${priorityMax}; it cannot change`,
      { differing: [{ field: 'max_priority', is: present, wanted: priorityMax }] },
    );
  }
  const given = givenFields(declaration);
  if (sameText(given, existing.given)) return existing;
  const definition = { ...existing.definition, version: nextVersion };
  return applyPolicies({ ...existing, definition, given }, policies, nextVersion);
}

/** Returns the entry under the present policies; the same object if they make no difference. */
export function applyPolicies(
  entry: QueueEntry,
  policies: readonly PolicyDefinition[],
  nextVersion: number,
): QueueEntry {
  const policy = policyFor(policies, entry.name);
  const config = effectiveConfig(entry.given, policy);
  const name = policy?.name ?? null;
  if (sameText(config, entry.definition.config)) {
    return name === entry.policy ? entry : { ...entry, policy: name };
  }
  return { ...entry, definition: { ...entry.definition, version: nextVersion, config }, policy: name };
}

/** Returns the entry with the present alert rules; the same object if they make no difference. */
export function applyAlerts(
  entry: QueueEntry,
  alerts: readonly AlertDefinition[],
  nextVersion: number,
): QueueEntry {
  const before = entry.definition.alerts;
  const rules = alertsFor(alerts, entry.name);
  if (JSON.stringify(rules) === JSON.stringify(before ?? [])) return entry;
  return { ...entry, definition: { ...entry.definition, version: nextVersion, alerts: rules } };
}

function withoutPolicy({ definition, given }: QueueEntry): QueueDefinition {
  return { ...definition, config: { ...QUEUE_DEFAULTS, ...given } };
}

function sameText(a: object, b: object): boolean {
  return sorted(a) === sorted(b);
}

function sorted(fields: object): string {
  return JSON.stringify(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
