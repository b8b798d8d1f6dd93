/** Transactions over partitions of several topics, queues and an exchange, and reading what was committed. */

import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';
import {
  chooseInstance,
  endTransaction,
  holdMessages,
  keptBy,
  sendRecords,
  type Instance,
} from './instances.ts';
import { readOnce } from './logs.ts';
import { between, mostlyFrom, pick, times, type Operation } from './operation.ts';
import { FANOUT, hasMarkers, TOPICS } from './topology.ts';

/** Those that transactions publish to. `full` takes only what it has room for. */
const QUEUES = ['plain', 'delayed', 'full'];

export const transact: Operation = {
  name: 'transact',
  weight: 5,
  run: async (client, id, random) => {
    const kept = keptBy(client);
    const instance = await chooseInstance(client, random);
    if (instance === null) return;
    let isWhole = true;
    for (let number = between(random, 1, 4); number > 0 && isWhole; number--) {
      const ids = times(between(random, 1, 3), (index) => `${id}.${number}.${index}`);
      isWhole = await oneStep(client, instance, ids, random);
      await client.sleep(random() * 300);
    }
    if (random() < 0.1) await client.sleep(mostlyFrom(random, 1_000, 30_000));
    const chance = random();
    if (chance < 0.15) {
      if (isWhole) kept.open.push(instance);
      return;
    }
    const asked = isWhole && chance < 0.75 ? 'commit' : 'abort';
    const next = await endTransaction(client, instance, asked, random);
    if (next) kept.idle.push(next);
  },
};

/** Writes to a partition, or publishes. */
async function oneStep(client: Client, instance: Instance, ids: string[], random: Random): Promise<boolean> {
  const chance = random();
  if (chance < 0.15) return await publishToQueue(client, instance, pick(random, QUEUES), ids, random);
  if (chance < 0.3) return await publishToAll(client, instance, ids, random);
  const topic = chance < 0.4 ? 'orders' : 'ledger';
  const partition = between(random, 0, TOPICS[topic]!.partitions - 1);
  return await sendRecords(client, instance, topic, partition, ids, random);
}

export function publishToQueue(
  client: Client,
  instance: Instance,
  queue: string,
  ids: string[],
  random: Random,
): Promise<boolean> {
  return holdMessages(client, instance, { queue }, { queues: [queue], topics: [] }, ids, random);
}

/** Through the exchange. */
export function publishToAll(
  client: Client,
  instance: Instance,
  ids: string[],
  random: Random,
): Promise<boolean> {
  const { exchange, queues, topic } = FANOUT;
  return holdMessages(client, instance, { exchange }, { queues, topics: [topic] }, ids, random);
}

export const readCommitted: Operation = {
  name: 'read-committed',
  weight: 6,
  run: async (client, _, random) => {
    const topic = pick(random, ['ledger', ...Object.keys(TOPICS).filter(hasMarkers)]);
    const partition = between(random, 0, TOPICS[topic]!.partitions - 1);
    const place = `${topic}/${partition} committed`;
    const from = random() < 0.2 ? null : (client.positions.get(place) ?? null);
    const waitMs = random() < 0.3 ? between(random, 100, 4_000) : 0;
    const max = between(random, 1, 50);
    const read = await readOnce(client, topic, partition, from, max, waitMs, false, 'read_committed');
    if (read) client.positions.set(place, read.next);
  },
};
