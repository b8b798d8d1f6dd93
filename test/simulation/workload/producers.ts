/** Idempotent producers: batches with sequences, several under way at once, and instances that were replaced. */

import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { goOn, instanceOf, type SequencedInstance } from './sequenced-instance.ts';
import { TOPICS } from './topology.ts';

export interface SequencedBatch {
  topic: string;
  partition: number;
  ids: string[];
  producer: { id: number; epoch: number; sequence: number; transactionalId: string | null };
  /** Of the first attempt. */
  begin: number | null;
}

const TOPIC = 'log';
const ATTEMPTS_MAX = 5;
const producers = new WeakMap<Client, SequencedInstance<number, SequencedBatch>>();

export const produceOnce: Operation = {
  name: 'produce-once',
  weight: 9,
  run: async (client, id, random) => {
    const producer = await instanceOf(producers, client);
    if (producer === null) return;
    if (producer.doubtful.length > 0 && random() < 0.3) {
      // The instance that was replaced is still there, and sends again.
      await sendOnce(client, pick(random, producer.doubtful));
      return;
    }
    const partition = between(random, 0, TOPICS[TOPIC]!.partitions - 1);
    let sequence = producer.next.get(partition) ?? 0;
    const batches = times(between(random, 1, 3), (number): SequencedBatch => {
      const ids = times(between(random, 1, 4), (index) => `${id}.${number}.${index}`);
      const of = { id: producer.id, epoch: producer.epoch, sequence, transactionalId: null };
      sequence += ids.length;
      return { topic: TOPIC, partition, ids, producer: of, begin: null };
    });
    const forks = batches.map(() => random.fork());
    const stored = await Promise.all(
      batches.map((batch, index) => sendUntilKnown(client, batch, forks[index]!, ATTEMPTS_MAX)),
    );
    producer.next.set(partition, sequence);
    goOn(producers, client, batches, stored, random);
  },
};

/** One attempt. */
export async function sendOnce(
  client: Client,
  batch: SequencedBatch,
): Promise<{ isStored: boolean; isFinal: boolean }> {
  const { topic, partition, ids, producer } = batch;
  const { transactionalId, ...numbers } = producer;
  const answer = await client.request('POST', `/topics/${topic}/records`, {
    records: ids.map((value) => ({ value, partition })),
    producer: { ...numbers, ...(transactionalId !== null && { transactional_id: transactionalId }) },
  });
  const { outcome, copies, end, status, body } = answer;
  batch.begin ??= answer.begin;
  const offsets = (body['offsets'] ?? []) as { offset: number }[];
  const records = ids.map((id, index) => ({
    id,
    key: null,
    partition,
    offset: offsets[index]?.offset ?? null,
  }));
  const { name } = client;
  client.add({
    kind: 'produce',
    client: name,
    topic,
    outcome,
    copies,
    begin: batch.begin,
    attemptBegin: answer.begin,
    end,
    producer,
    records,
  });
  // One before it may be under way still.
  const comesAgain = status === 429 || body['code'] === 'out_of_order_sequence';
  const isWaiting = comesAgain || body['code'] === 'transaction_in_progress';
  return { isStored: outcome === 'ok', isFinal: outcome === 'refused' && !isWaiting };
}

/** @returns whether it is stored; false if that is not known */
export async function sendUntilKnown(
  client: Client,
  batch: SequencedBatch,
  random: Random,
  attemptsMax: number,
): Promise<boolean> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const { isStored, isFinal } = await sendOnce(client, batch);
    if (isStored || isFinal) return isStored;
    await client.sleep(100 * 2 ** attempt * (0.5 + random()));
  }
  return false;
}
