/**
 * The watchdog: alarms can be lost, so the cron trigger visits every object that may have something due, and each looks at
 * its own clock. Nobody keeps a list of what is due where: it would cost a row for each alarm, and a visit costs a sixth of
 * that. How often follows from what a late alarm does there:
 *
 *   schedules      each run of the cron, every five minutes: a schedule is nothing but its alarm
 *   coordinators   each run, if many transactional ids are in use each third or twelfth: a transaction whose producer is gone ends
 *                  by the alarm, and readers of committed records wait for it
 *   queues         once an hour: delayed messages, retries, leases, dead letters, alerts
 *   subscriptions  of a topic, once an hour, unless the overview knows that they have nothing to do: what they hold was lost with
 *                  their object, dead letters, the end of a pause of the endpoint
 *   objects        once an hour: large bodies that have expired (docs/large-bodies.md)
 *   uploads        once an hour: those of all namespaces that were abandoned a day ago
 *   groups         once a day: a group of which all members are gone at once notices when it is called
 *   partitions     once a day: retention, compaction, offsets that expire, dead letters of share groups
 *
 * Visits are spread by name, so that each run makes only its share; where there are more than the calls of a run suffice for, they
 * come less often (core/watch/visit-plan.ts). Of coordinators there is a list after all, a row for each id in use
 * (core/transaction/listing.ts): no definition names them, and most ids are never used again.
 */

import type { Namespace } from '../core/access/namespace.ts';
import { queueObjectName } from '../core/topology/queues/queues.ts';
import { scheduleObjectName } from '../core/topology/schedules.ts';
import type { RestingPlace } from '../core/subscription/rest.ts';
import { subscriptionObjectName, type SubscriptionDefinition } from '../core/topology/subscriptions.ts';
import { partitionObjectName, type TopicDefinition } from '../core/topology/topics.ts';
import {
  CALLS_PER_RUN,
  inTurn,
  isInSlot,
  slotAt,
  slotsFor,
  slotsForCoordinators,
} from '../core/watch/visit-plan.ts';
import { callGroup } from '../durable-objects/call-group.ts';
import {
  directoryStub,
  overviewStub,
  partitionStub,
  queueStub,
  scheduleStub,
  subscriptionStub,
  topologyStub,
  transactionStub,
} from '../durable-objects/stubs.ts';
import type { Env } from '../durable-objects/env.ts';
import type { DirectoryPage } from '../durable-objects/rpc/directory.ts';
import { PAGE_ITEMS_MAX } from '../protocol/limits.ts';
import { definitionPages } from './cache/definition-pages.ts';
import { freeRoom } from './objects/room.ts';
import { sweepObjects } from './objects/sweep-objects.ts';
import { sweepUploads } from './objects/sweep-uploads.ts';

/** Calls at the same time. */
const FAN_OUT = 16;

/** Runs of the cron between two sweeps of the objects of a namespace: an hour. */
const SWEEP_SLOTS = 12;

type Visit = () => Promise<unknown>;

/** Calls that this run may still make. */
interface Budget {
  left: number;
}

/** Lists are read a page at a time, and each page is visited before the next is read. */
export async function visitDue(env: Env, scheduledMs: number): Promise<number> {
  const slot = slotAt(scheduledMs);
  const budget: Budget = { left: CALLS_PER_RUN };
  const names = await namespacesOf(env);
  let visited = 0;
  let missed = 0;
  for (const namespace of inTurn(names, slot)) {
    try {
      visited += await visitNamespace(env, namespace, slot, budget);
    } catch (error) {
      console.error(`the watchdog could not learn what there is in namespace ${namespace}`, error);
    }
    if (budget.left <= 0) missed += 1;
  }
  if (env.OBJECTS && isInSlot(slot, SWEEP_SLOTS, 'uploads')) {
    const free = (namespace: string, bytes: number, upload: string): Promise<void> =>
      freeRoom(env, namespace, bytes, upload);
    await sweepUploads(env.OBJECTS, Date.now(), free).catch((error: unknown) => {
      console.error('abandoned uploads could not be deleted', error);
    });
  }
  if (missed > 0)
    console.warn(`the calls of this run did not suffice: ${missed} namespaces wait for later runs`);
  return visited;
}

async function visitNamespace(env: Env, namespace: string, slot: number, budget: Budget): Promise<number> {
  if (budget.left <= 0) return 0;
  budget.left -= 1;
  await topologyStub(env, namespace).propagate();
  let visited = 0;
  for await (const due of dueIn(env, namespace, slot)) {
    const now = due.slice(0, Math.max(budget.left - 1, 0));
    budget.left -= now.length + 1; // and the page
    await visitAll(now);
    visited += now.length;
    if (budget.left <= 0) break;
  }
  return visited;
}

async function namespacesOf(env: Env): Promise<string[]> {
  const names: string[] = [];
  for (let after: string | null = ''; after !== null;) {
    const page: DirectoryPage<Namespace> = await directoryStub(env).namespaces(after, PAGE_ITEMS_MAX);
    for (const { name, deletion } of page.items) if (!deletion) names.push(name);
    if (page.items.some(({ deletion }) => deletion)) await directoryStub(env).tick();
    after = page.next;
  }
  return names;
}

async function visitAll(due: readonly Visit[]): Promise<void> {
  for (let first = 0; first < due.length; first += FAN_OUT) {
    const visits = due.slice(first, first + FAN_OUT).map((visit) => visit());
    for (const result of await Promise.allSettled(visits)) {
      if (result.status === 'rejected')
        console.error('the watchdog could not reach an object', result.reason);
    }
  }
}

/** What is due, of one page of a list after the other. */
async function* dueIn(env: Env, namespace: string, slot: number): AsyncGenerator<Visit[], void, undefined> {
  const counts = await topologyStub(env, namespace).counts();
  let schedulesRead = 0;
  for await (const schedules of definitionPages(env, namespace, 'schedules')) {
    const slots = slotsFor('schedules', (schedulesRead += schedules.length));
    yield schedules
      .filter((schedule) => !schedule.isPaused && isInSlot(slot, slots, scheduleObjectName(schedule)))
      .map((schedule) => async () => scheduleStub(env, schedule).tick());
  }
  const { OBJECTS: bucket } = env;
  if (bucket && isInSlot(slot, SWEEP_SLOTS, namespace))
    yield [
      async () => {
        const { bytes } = await sweepObjects(bucket, namespace, Date.now());
        await freeRoom(env, namespace, bytes);
      },
    ];
  yield* dueCoordinators(env, namespace, slot);
  for await (const queues of definitionPages(env, namespace, 'queues')) {
    yield queues
      .filter((queue) => isInSlot(slot, slotsFor('queues', counts.queues), queueObjectName(queue)))
      .map((queue) => async () => queueStub(env, queue).tick());
  }
  let subscriptionsRead = 0;
  for await (const subscriptions of definitionPages(env, namespace, 'subscriptions')) {
    const slots = slotsFor('subscriptions', (subscriptionsRead += subscriptions.length));
    const inSlot = subscriptions
      .filter(({ topic, pauseReason }) => topic !== undefined && pauseReason === null)
      .filter((subscription) => isInSlot(slot, slots, subscriptionObjectName(subscription)));
    const restless = await restlessOf(env, namespace, inSlot);
    yield restless.map((subscription) => async () => subscriptionStub(env, subscription).tick());
  }
  for await (const groups of definitionPages(env, namespace, 'groups')) {
    yield groups
      .filter(({ name }) => isInSlot(slot, slotsFor('groups', counts.groups), `${namespace}/${name}`))
      .map(
        ({ name }) =>
          () =>
            callGroup(env, namespace, name, 'tick'),
      );
  }
  for await (const topics of definitionPages(env, namespace, 'topics')) {
    yield topics
      .flatMap((topic) => partitionsInSlot(topic, slot, slotsFor('partitions', counts.partitions)))
      .map(
        ({ topic, partition }) =>
          async () =>
            partitionStub(env, topic, partition).tick(),
      );
  }
}

/** Returns those that may have something to do. */
async function restlessOf(
  env: Env,
  namespace: string,
  subscriptions: readonly SubscriptionDefinition[],
): Promise<readonly SubscriptionDefinition[]> {
  if (subscriptions.length === 0) return [];
  const places = subscriptions.map(({ name: subscription, id, topic }): RestingPlace => {
    return { subscription, id, topicId: topic!.id, partitions: topic!.config.partitions };
  });
  try {
    const restless = new Set(await overviewStub(env, namespace).restless(places));
    return subscriptions.filter(({ id }) => restless.has(id));
  } catch (error) {
    console.error(
      `the overview of ${namespace} does not say which subscriptions rest; all are visited`,
      error,
    );
    return subscriptions;
  }
}

async function* dueCoordinators(
  env: Env,
  namespace: string,
  slot: number,
): AsyncGenerator<Visit[], void, undefined> {
  const topology = topologyStub(env, namespace);
  const slots = slotsForCoordinators(await topology.transactionalIdCount());
  for (let after = ''; ;) {
    const ids = await topology.transactionalIds(after, PAGE_ITEMS_MAX);
    yield ids
      .filter((id) => isInSlot(slot, slots, `${namespace}/${id}`))
      .map((id) => async () => transactionStub(env, namespace, id).tick());
    if (ids.length < PAGE_ITEMS_MAX) return;
    after = ids.at(-1)!;
  }
}

function partitionsInSlot(
  topic: TopicDefinition,
  slot: number,
  slots: number,
): { topic: TopicDefinition; partition: number }[] {
  return Array.from({ length: topic.config.partitions }, (_, partition) => ({ topic, partition })).filter(
    ({ partition }) => isInSlot(slot, slots, partitionObjectName(topic, partition)),
  );
}
