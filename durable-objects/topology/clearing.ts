/**
 * Clearing: frees the objects of a namespace that is deleted, some at a time. Partitions, queues, schedules and subscriptions go as in every
 * deletion: a commit removes their definitions and notes the effects, which a crash repeats. Groups and coordinators are freed
 * first and removed from the list then. Share groups, dead letters, alerts and webhooks live in those objects; exchanges,
 * bindings and rules live in the topology alone, and go when it is wiped.
 */

import { callGroup } from '../call-group.ts';
import type { Env } from '../env.ts';
import type { Cleared } from '../rpc/topology.ts';
import type { Sql } from '../storage/sql.ts';
import { transactionStub } from '../stubs.ts';
import { isFailure } from '../../protocol/errors.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { DefinitionPropagator } from './propagation/definition-propagator.ts';
import {
  isQueueEffect,
  isScheduleEffect,
  isSubscriptionEffect,
  type Effect,
} from './propagation/change-store.ts';
import type { TopologyStore } from './topology-store.ts';
import type { TransactionalIds } from './transactional-ids.ts';

/** Objects freed by one call: some seconds on a busy machine. One topic may have more partitions. */
const OBJECTS_PER_SLICE = 64;

/** Objects freed at the same time. */
const FAN_OUT = 16;

export interface ClearingHost {
  readonly env: Env;
  readonly sql: Sql;
  readonly namespace: string;
  readonly store: TopologyStore;
  readonly propagator: DefinitionPropagator;
  readonly transactionalIds: TransactionalIds;
}

/** Frees the next objects. What cannot be reached is left, and tried again by the next call. */
export async function clearSome(host: ClearingHost): Promise<Omit<Cleared, 'floor'>> {
  const before = countObjects(host);
  removeDefinitions(host);
  const hasTold = await host.propagator.tellAll();
  await eraseGroups(host);
  await eraseCoordinators(host);
  const left = countObjects(host);
  return { freed: before - left, left, isDone: hasTold && left === 0 };
}

function removeDefinitions({ sql, store }: ClearingHost): void {
  sql.transaction(() => {
    let room = OBJECTS_PER_SLICE;
    for (const name of store.topics.namesAfter('', OBJECTS_PER_SLICE)) {
      if (room <= 0) return;
      const topic = store.topics.get(name)!;
      store.topics.remove(name);
      store.changes.addEffect('destroy', topic);
      room -= topic.config.partitions;
    }
    for (const name of store.queues.namesAfter('', Math.max(0, room))) {
      const { definition } = store.queues.get(name)!;
      store.queues.remove(name);
      store.changes.addEffect('destroy-queue', definition);
      room -= 1;
    }
    for (const name of store.schedules.namesAfter('', Math.max(0, room))) {
      const schedule = store.schedules.get(name)!;
      store.schedules.remove(name);
      store.changes.addEffect('destroy-schedule', schedule);
    }
    for (const name of store.subscriptions.namesAfter('', Math.max(0, room))) {
      const subscription = store.subscriptions.get(name)!;
      store.subscriptions.remove(name);
      store.changes.addEffect('destroy-subscription', subscription);
    }
  });
}

async function eraseGroups({ env, namespace, store }: ClearingHost): Promise<void> {
  await inTurns(store.groups.namesAfter('', OBJECTS_PER_SLICE), async (name) => {
    const erased = await callGroup(env, namespace, name, 'erase');
    if (!isFailure(erased)) store.groups.remove(name);
  });
}

async function eraseCoordinators({ env, namespace, transactionalIds }: ClearingHost): Promise<void> {
  await inTurns(transactionalIds.coordinators(OBJECTS_PER_SLICE), async (name) => {
    await transactionStub(env, namespace, name).erase();
    transactionalIds.forgetCoordinator(name);
  });
}

async function inTurns(names: readonly string[], free: (name: string) => Promise<void>): Promise<void> {
  for (let first = 0; first < names.length; first += FAN_OUT) {
    const some = names.slice(first, first + FAN_OUT);
    for (const result of await Promise.allSettled(some.map(free))) {
      if (result.status === 'rejected') console.error('an object could not be freed yet', result.reason);
    }
  }
}

/** Those whose definitions are removed but which have not been told yet are left too. */
function countObjects({ sql, store, transactionalIds }: ClearingHost): number {
  const [row] = sql.all<{ n: number | null }>(
    "SELECT SUM(json_extract(json, '$.config.partitions')) AS n FROM topics",
  );
  let count = (row!.n ?? 0) + store.queues.count() + store.schedules.count() + store.subscriptions.count();
  for (const effect of store.changes.effects())
    if (effect.kind.startsWith('destroy')) count += objectsOf(effect);
  return count + store.groups.count() + transactionalIds.coordinatorCount();
}

function objectsOf(effect: Effect): number {
  if (isQueueEffect(effect) || isScheduleEffect(effect) || isSubscriptionEffect(effect)) return 1;
  return (effect.definition as TopicDefinition).config.partitions;
}
