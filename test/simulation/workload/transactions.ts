/**
 * Transactions over the partitions of a topic. All clients share a few transactional ids, so that each is now and then the
 * instance that was replaced; some leave their transaction open, and come back to it when it may be too late.
 */

import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';
import { readOnce } from './logs.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { sendUntilKnown } from './producers.ts';
import { TOPICS, TRANSACTIONAL_IDS } from './topology.ts';

const TOPIC = 'ledger';
const ATTEMPTS_MAX = 3;

interface Instance {
  name: string;
  id: number;
  epoch: number;
  /** The next sequence, by partition. */
  next: Map<number, number>;
}

interface Kept {
  /** After a transaction that has ended: ready for the next. */
  idle: Instance[];
  /** With a transaction that was left open. */
  open: Instance[];
}

const instances = new WeakMap<Client, Kept>();

export const transact: Operation = {
  name: 'transact',
  weight: 5,
  run: async (client, id, random) => {
    const kept = instances.get(client) ?? { idle: [], open: [] };
    instances.set(client, kept);
    const instance = await chooseInstance(client, kept, random);
    if (instance === null) return;
    let isWhole = true;
    for (let number = between(random, 1, 4); number > 0 && isWhole; number--) {
      const partition = between(random, 0, TOPICS[TOPIC]!.partitions - 1);
      const ids = times(between(random, 1, 3), (index) => `${id}.${number}.${index}`);
      const sequence = instance.next.get(partition) ?? 0;
      const producer = { id: instance.id, epoch: instance.epoch, sequence, transactionalId: instance.name };
      const batch = { topic: TOPIC, partition, ids, producer, begin: null };
      isWhole = await sendUntilKnown(client, batch, random, ATTEMPTS_MAX);
      instance.next.set(partition, sequence + ids.length);
      await client.sleep(random() * 300);
    }
    if (random() < 0.1) await client.sleep(between(random, 1_000, 30_000));
    const chance = random();
    if (chance < 0.15) {
      if (isWhole) kept.open.push(instance);
      return;
    }
    const next = await endTransaction(
      client,
      instance,
      isWhole && chance < 0.75 ? 'commit' : 'abort',
      random,
    );
    if (next) kept.idle.push(next);
  },
};

export const readCommitted: Operation = {
  name: 'read-committed',
  weight: 6,
  run: async (client, _, random) => {
    const partition = between(random, 0, TOPICS[TOPIC]!.partitions - 1);
    const place = `${TOPIC}/${partition} committed`;
    const from = random() < 0.2 ? null : (client.positions.get(place) ?? null);
    const waitMs = random() < 0.3 ? between(random, 100, 4_000) : 0;
    const max = between(random, 1, 50);
    const read = await readOnce(client, TOPIC, partition, from, max, waitMs, false, 'read_committed');
    if (read) client.positions.set(place, read.next);
  },
};

async function chooseInstance(client: Client, kept: Kept, random: Random): Promise<Instance | null> {
  const chance = random();
  if (chance < 0.3 && kept.open.length > 0) return kept.open.shift()!;
  if (chance < 0.6 && kept.idle.length > 0) return kept.idle.shift()!;
  const name = pick(random, TRANSACTIONAL_IDS);
  const request = { transactional_id: name, transaction_timeout_ms: between(random, 1_000, 20_000) };
  let instance: Instance | null = null;
  await client.retried(random, async () => {
    const answer = await client.request('POST', '/producers', request);
    const { id, epoch } = answer.body as { id: number; epoch: number };
    if (answer.outcome === 'ok') instance = { name, id, epoch, next: new Map() };
    return answer;
  });
  return instance;
}

/** @returns the instance for the next transaction, or null where this one does not know how it ended */
export async function endTransaction(
  client: Client,
  { name, id, epoch }: Pick<Instance, 'name' | 'id' | 'epoch'>,
  asked: 'commit' | 'abort',
  random: Random,
): Promise<Instance | null> {
  let next: Instance | null = null;
  await client.retried(random, async () => {
    const answer = await client.request('POST', `/transactions/${name}/${asked}`, {
      producer: { id, epoch },
    });
    const { outcome, copies, begin, end, body } = answer;
    const code = outcome === 'refused' ? String(body['code']) : null;
    client.add({
      kind: 'end-transaction',
      client: client.name,
      transactionalId: name,
      producerId: id,
      epoch,
      asked,
      outcome,
      code,
      copies,
      begin,
      end,
    });
    if (outcome === 'ok')
      next = { name, ...(body['producer'] as { id: number; epoch: number }), next: new Map() };
    return answer;
  });
  return next;
}
