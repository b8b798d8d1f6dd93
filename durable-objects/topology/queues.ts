/** Changes of queues: decided by the rules, kept by the store. */

import { changeQueueEntry, declareQueueEntry, type QueueEntry } from '../../core/topology/queue-entry.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { QueueChange, QueueDeclaration } from '../../protocol/queues.ts';
import { isStale } from '../queue/queue-calls.ts';
import { queueStub, type Env } from '../stubs.ts';
import type { QueueAnswer, QueueDeletion } from './topology-calls.ts';
import type { TopologyStore } from './topology-store.ts';

export function declareQueueIn(
  store: TopologyStore,
  namespace: string,
  name: string,
  declaration: QueueDeclaration,
): (QueueAnswer & { isNew: boolean }) | Failure {
  const declared = declareQueueEntry(
    store.queues.get(name),
    store.policies.all(),
    namespace,
    name,
    declaration,
    store.version() + 1,
  );
  if (isFailure(declared)) return declared;
  if (declared.isNew) store.putQueue(declared.entry);
  return { ...answer(store, declared.entry), isNew: declared.isNew };
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

/**
 * Deletes a queue if the conditions hold. The queue is asked first, and a consumer or message may come between its answer
 * and the end: then it goes all the same, as if it had come a moment later.
 */
export async function deleteQueueIn(
  store: TopologyStore,
  env: Env,
  name: string,
  deletion: QueueDeletion,
): Promise<QueueAnswer | Failure> {
  const asked = store.queues.get(name);
  if (!asked) return noSuchQueue(name);
  if (deletion.ifUnused || deletion.ifEmpty) {
    const refused = await checkIdle(env, asked, deletion);
    if (refused) return refused;
  }
  const entry = store.queues.get(name);
  if (!entry || entry.definition.id !== (deletion.id ?? asked.definition.id)) return noSuchQueue(name);
  store.removeQueue(entry);
  return answer(store, entry);
}

async function checkIdle(
  env: Env,
  { definition }: QueueEntry,
  deletion: QueueDeletion,
): Promise<Failure | null> {
  const { name } = definition;
  const state = await queueStub(env, definition).describe(definition.version);
  if (isStale(state)) return failure('queue_unavailable', `queue "${name}" is being changed; try again`);
  const { ready, leased, parked, outgoing, consumers } = state;
  if (deletion.ifUnused && consumers > 0) {
    return failure('queue_in_use', `queue "${name}" has ${consumers} consumers`, { consumers });
  }
  const messages = ready + leased + parked + outgoing;
  if (deletion.ifEmpty && messages > 0) {
    return failure('queue_not_empty', `queue "${name}" holds ${messages} messages`, { messages });
  }
  return null;
}

function answer(store: TopologyStore, { definition }: QueueEntry): QueueAnswer {
  return { queue: definition, topologyVersion: store.version() };
}

function noSuchQueue(name: string): Failure {
  return failure('queue_not_found', `there is no queue "${name}"; PUT creates it`);
}
