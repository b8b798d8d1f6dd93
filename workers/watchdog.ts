/**
 * The watchdog: alarms can be lost, so the cron trigger visits every object that may have something due, and each looks at
 * its own clock. Nobody keeps a list of what is due where: it would cost a row for each alarm, and a visit costs a sixth of
 * that. How often follows from what a late alarm does there:
 *
 *   schedules    each run of the cron, every five minutes: a schedule is nothing but its alarm
 *   queues       once an hour: delayed messages, retries, leases, dead letters, alerts
 *   groups       once a day: a group of which all members are gone at once notices when it is called
 *   partitions   once a day: retention, compaction, offsets that expire, dead letters of share groups
 *
 * Visits are spread by name, so that each run makes only its share.
 */

import { queueObjectName } from '../core/topology/queues.ts';
import { partitionObjectName, type TopicDefinition } from '../core/topology/topics.ts';
import { callGroup } from '../durable-objects/group/group-calls.ts';
import { partitionStub, queueStub, scheduleStub, topologyStub, type Env } from '../durable-objects/stubs.ts';
import { murmur2 } from '../protocol/murmur2.ts';
import { namespacesOf } from './routes/context.ts';

/** How often the cron trigger runs, as wrangler.toml says. */
const INTERVAL_MS = 300_000;
const SLOTS_OF_HOUR = 3_600_000 / INTERVAL_MS;
const SLOTS_OF_DAY = 86_400_000 / INTERVAL_MS;

/** Calls at the same time. */
const FAN_OUT = 16;

export async function visitDue(env: Env, scheduledMs: number): Promise<number> {
  const slot = Math.floor(scheduledMs / INTERVAL_MS);
  let visited = 0;
  for (const namespace of namespacesOf(env)) {
    await topologyStub(env, namespace).settle();
    const topics = await topologyStub(env, namespace).topics();
    const queues = await topologyStub(env, namespace).queues();
    const schedules = await topologyStub(env, namespace).schedules();
    const partitions = topics.flatMap((topic) => partitionsInSlot(topic, slot));
    const groups = await topologyStub(env, namespace).groups();
    const due = [
      ...partitions.map(({ topic, partition }) => partitionStub(env, topic, partition)),
      ...queues
        .filter((queue) => isIn(slot, SLOTS_OF_HOUR, queueObjectName(queue)))
        .map((queue) => queueStub(env, queue)),
      ...schedules.filter(({ isPaused }) => !isPaused).map((schedule) => scheduleStub(env, schedule)),
      ...groups
        .filter((group) => isIn(slot, SLOTS_OF_DAY, `${namespace}/${group}`))
        .map((group) => ({ tick: () => callGroup(env, namespace, group, 'tick') })),
    ];
    for (let first = 0; first < due.length; first += FAN_OUT) {
      const visits = due.slice(first, first + FAN_OUT).map(async (object) => {
        await object.tick();
      });
      for (const result of await Promise.allSettled(visits)) {
        if (result.status === 'rejected')
          console.error('the watchdog could not reach an object', result.reason);
      }
    }
    visited += due.length;
  }
  return visited;
}

function partitionsInSlot(
  topic: TopicDefinition,
  slot: number,
): { topic: TopicDefinition; partition: number }[] {
  return Array.from({ length: topic.config.partitions }, (_, partition) => ({ topic, partition })).filter(
    ({ partition }) => isIn(slot, SLOTS_OF_DAY, partitionObjectName(topic, partition)),
  );
}

function isIn(slot: number, slots: number, objectName: string): boolean {
  return (murmur2(new TextEncoder().encode(objectName)) >>> 0) % slots === slot % slots;
}
