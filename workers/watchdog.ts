/**
 * The watchdog: alarms can be lost, so the cron trigger visits every queue, and every partition that has work by time, once
 * a day. The visits are spread over the day by name, so that each run of the cron makes only its share.
 */

import { queueObjectName } from '../core/topology/queues.ts';
import { isCompacted, partitionObjectName, type TopicDefinition } from '../core/topology/topics.ts';
import { partitionStub, queueStub, topologyStub, type Env } from '../durable-objects/stubs.ts';
import { murmur2 } from '../protocol/murmur2.ts';
import { namespacesOf } from './routes/context.ts';

/** How often the cron trigger runs, as wrangler.toml says. */
const INTERVAL_MS = 300_000;
const SLOTS = 86_400_000 / INTERVAL_MS;

/** Calls at the same time. */
const FAN_OUT = 16;

export async function visitDue(env: Env, scheduledMs: number): Promise<number> {
  const slot = Math.floor(scheduledMs / INTERVAL_MS) % SLOTS;
  let visited = 0;
  for (const namespace of namespacesOf(env)) {
    await topologyStub(env, namespace).settle();
    const topics = await topologyStub(env, namespace).topics();
    const queues = await topologyStub(env, namespace).queues();
    const partitions = topics.filter(hasWorkByTime).flatMap((topic) => partitionsInSlot(topic, slot));
    const due = [
      ...partitions.map(({ topic, partition }) => partitionStub(env, topic, partition)),
      ...queues
        .filter((queue) => slotOf(queueObjectName(queue)) === slot)
        .map((queue) => queueStub(env, queue)),
    ];
    for (let first = 0; first < due.length; first += FAN_OUT) {
      const visits = due.slice(first, first + FAN_OUT).map(async (stub) => {
        await stub.tick();
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

function hasWorkByTime({ config }: TopicDefinition): boolean {
  return isCompacted(config) || config.retention_ms !== null || config.retention_bytes !== null;
}

function partitionsInSlot(
  topic: TopicDefinition,
  slot: number,
): { topic: TopicDefinition; partition: number }[] {
  return Array.from({ length: topic.config.partitions }, (_, partition) => ({ topic, partition })).filter(
    ({ partition }) => slotOf(partitionObjectName(topic, partition)) === slot,
  );
}

function slotOf(objectName: string): number {
  return (murmur2(new TextEncoder().encode(objectName)) >>> 0) % SLOTS;
}
