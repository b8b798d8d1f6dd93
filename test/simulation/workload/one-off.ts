/**
 * Transactional ids that are used once, as by jobs that never come again: some leave their transaction open, for the broker
 * to end; others abort while what they sent is still on its way, and go on with the next.
 */

import type { Client } from './client.ts';
import { between, times, type Operation } from './operation.ts';
import { sendOnce, sendUntilKnown } from './producers.ts';
import { TOPICS } from './topology.ts';
import { endTransaction } from './transactions.ts';

const TOPIC = 'ledger';
const ATTEMPTS_MAX = 3;

export const oneOff: Operation = {
  name: 'one-off',
  weight: 2,
  run: async (client, id, random) => {
    const name = `once-${id}`;
    const identity = await begin(client, name, between(random, 1_000, 20_000), random);
    if (identity === null) return;
    const batchOf = (of: { id: number; epoch: number }, number: number) => ({
      topic: TOPIC,
      partition: between(random, 0, TOPICS[TOPIC]!.partitions - 1),
      ids: times(between(random, 1, 3), (index) => `${id}.${number}.${index}`),
      producer: { ...of, sequence: 0, transactionalId: name },
      begin: null,
    });
    const first = batchOf(identity, 0);
    if (random() < 0.5) {
      await sendUntilKnown(client, first, random, ATTEMPTS_MAX);
      return;
    }
    const sending = sendOnce(client, first);
    await client.sleep(random() * 6);
    const next = await endTransaction(client, { name, ...identity }, 'abort', random);
    if (next !== null) {
      const second = batchOf({ id: next.id, epoch: next.epoch }, 1);
      const isStored = await sendUntilKnown(client, second, random, ATTEMPTS_MAX);
      await endTransaction(client, next, isStored ? 'commit' : 'abort', random);
    }
    await sending;
  },
};

async function begin(
  client: Client,
  name: string,
  timeoutMs: number,
  random: Parameters<Operation['run']>[2],
): Promise<{ id: number; epoch: number } | null> {
  let identity: { id: number; epoch: number } | null = null;
  await client.retried(random, async () => {
    const request = { transactional_id: name, transaction_timeout_ms: timeoutMs };
    const answer = await client.request('POST', '/producers', request);
    const { id, epoch } = answer.body as { id: number; epoch: number };
    if (answer.outcome === 'ok') identity = { id, epoch };
    return answer;
  });
  return identity;
}
