/** Changes of queues: decided by the rules, kept by the store. */

import type { QueueDeletion } from '../../../core/topology/queues/queue-deletion.ts';
import {
  applyAlerts,
  changeQueueEntry,
  declareQueueEntry,
  replaceQueueEntry,
  type QueueEntry,
} from '../../../core/topology/queues/queue-entry.ts';
import type { AlertDefinition } from '../../../core/topology/rules/alerts.ts';
import type { PolicyDefinition } from '../../../core/topology/rules/policies.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import type { QueueChange, QueueDeclaration } from '../../../protocol/schemas/queues.ts';
import { CLOSED_MS } from '../../rpc/queue.ts';
import { isStale } from '../../rpc/stale.ts';
import { queueStub } from '../../stubs.ts';
import type { Env } from '../../env.ts';
import type { LetterOwner, QueueAnswer, QueueDeletionRequest } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

/** The policies and alert rules of a namespace. */
export interface QueueRules {
  readonly policies: readonly PolicyDefinition[];
  readonly alerts: readonly AlertDefinition[];
}

export function rulesIn(store: TopologyStore): QueueRules {
  return { policies: store.policies.all(), alerts: store.alerts.all() };
}

export function declareQueueIn(
  store: TopologyStore,
  namespace: string,
  name: string,
  declaration: QueueDeclaration,
  rules: QueueRules = rulesIn(store),
): (QueueAnswer & { isNew: boolean }) | Failure {
  const declared = declareQueueEntry(
    store.queues.get(name),
    rules.policies,
    namespace,
    name,
    declaration,
    store.version() + 1,
  );
  if (isFailure(declared)) return declared;
  const { isNew } = declared;
  const refused = isNew ? store.quotas.refusal('queues', 1) : null;
  if (refused) return refused;
  const entry = isNew ? applyAlerts(declared.entry, rules.alerts, store.version() + 1) : declared.entry;
  if (isNew) store.putQueue(entry);
  return { ...answer(store, entry), isNew };
}

export function changeQueueIn(
  store: TopologyStore,
  name: string,
  change: QueueChange,
): QueueAnswer | Failure {
  const existing = store.queues.get(name);
  if (!existing) return noSuchQueue(name);
  const changed = changeQueueEntry(existing, store.policies.all(), change, store.version() + 1);
  if (changed !== existing) store.putQueue(changed);
  return answer(store, changed);
}

/** Gives a queue the settings of a declaration instead of its own. */
export function replaceQueueIn(
  store: TopologyStore,
  name: string,
  declaration: QueueDeclaration,
  rules: QueueRules,
): QueueAnswer | Failure {
  const existing = store.queues.get(name);
  if (!existing) return noSuchQueue(name);
  const replaced = replaceQueueEntry(existing, rules.policies, declaration, store.version() + 1);
  if (isFailure(replaced)) return replaced;
  if (replaced !== existing) store.putQueue(replaced);
  return answer(store, replaced);
}

/**
 * Deletes a queue if the conditions hold. The queue is asked first, and is closed from its answer on. Otherwise
 * messages from a router that has not heard of the deletion would be deleted with it. If the deletion comes too late
 * after that answer, it is refused, because the queue may have opened again.
 */
export async function deleteQueueIn(
  store: TopologyStore,
  env: Env,
  name: string,
  deletion: QueueDeletionRequest,
): Promise<QueueAnswer | Failure> {
  const asked = store.queues.get(name);
  // A queue that asked for its own deletion may have been replaced. The new queue must not be closed.
  if (!asked || (deletion.id ?? asked.definition.id) !== asked.definition.id) return noSuchQueue(name);
  const refused = await close(env, asked, deletion);
  if (refused) return refused;
  const entry = store.queues.get(name);
  if (!entry || entry.definition.id !== asked.definition.id) return noSuchQueue(name);
  store.removeQueue(entry);
  return answer(store, entry);
}

async function close(
  env: Env,
  { definition }: QueueEntry,
  { ifUnused = false, ifEmpty = false, byItself }: QueueDeletion,
): Promise<Failure | null> {
  const askedMs = Date.now();
  const closed = await queueStub(env, definition).closeIf(definition.version, {
    ifUnused,
    ifEmpty,
    ...(byItself && { byItself }),
  });
  if (isFailure(closed)) return closed;
  if (!isStale(closed) && Date.now() - askedMs < CLOSED_MS / 2) return null;
  return failure('queue_unavailable', `queue "${definition.name}" is being changed; try again`);
}

function answer(store: TopologyStore, { definition }: QueueEntry): QueueAnswer {
  return { queue: definition, topologyVersion: store.version() };
}

function noSuchQueue(name: string): Failure {
  return failure('queue_not_found', `there is no queue "${name}"; PUT creates it`);
}

/** What the broker declares as the queue of somebody's dead letters. */
const OWN_LETTERS = JSON.stringify({ dead_letter: 'none' });

/**
 * Returns those of some names whose default dead-letter queue is there already and belongs to something else: somebody has declared it,
 * or a definition of another kind has the same name.
 */
export function lettersOfOthersIn(
  store: TopologyStore,
  kind: LetterOwner,
  names: readonly string[],
): string[] {
  const [own, other] =
    kind === 'subscription'
      ? [store.subscriptions, store.shareGroups]
      : [store.shareGroups, store.subscriptions];
  return names.filter((name) => {
    const queue = own.has(name) ? null : store.queues.get(defaultDeadLetterQueue(name));
    if (queue === null) return false;
    return JSON.stringify(queue.given) !== OWN_LETTERS || store.queues.has(name) || other.has(name);
  });
}
