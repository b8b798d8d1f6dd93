/**
 * Transactional ids that are used once, as by jobs that never come again: some leave their transaction open, for the broker
 * to end; others abort while what they sent is still on its way, and go on with the next.
 */

import { beginInstance, endTransaction, type Instance } from './instances.ts';
import { between, times, type Operation } from './operation.ts';
import { sendOnce, sendUntilKnown, type SequencedBatch } from './producers.ts';
import { TOPICS } from './topology.ts';

const TOPIC = 'ledger';
const ATTEMPTS_MAX = 3;

export const oneOff: Operation = {
  name: 'one-off',
  weight: 2,
  run: async (client, id, random) => {
    const name = `once-${id}`;
    const instance = await beginInstance(client, name, between(random, 1_000, 20_000), random);
    if (instance === null) return;
    const batchOf = ({ id: producerId, epoch }: Instance, number: number): SequencedBatch => ({
      topic: TOPIC,
      partition: between(random, 0, TOPICS[TOPIC]!.partitions - 1),
      ids: times(between(random, 1, 3), (index) => `${id}.${number}.${index}`),
      producer: { id: producerId, epoch, sequence: 0, transactionalId: name },
      begin: null,
    });
    const first = batchOf(instance, 0);
    if (random() < 0.5) {
      await sendUntilKnown(client, first, random, ATTEMPTS_MAX);
      return;
    }
    const sending = sendOnce(client, first);
    await client.sleep(random() * 6);
    const next = await endTransaction(client, { ...instance, hasSent: true }, 'abort', random);
    if (next !== null) {
      const second = batchOf(next, 1);
      const isStored = await sendUntilKnown(client, second, random, ATTEMPTS_MAX);
      await endTransaction(client, { ...next, hasSent: true }, isStored ? 'commit' : 'abort', random);
    }
    await sending;
  },
};
