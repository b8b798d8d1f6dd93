/** Publishing to, and taking from, the queues of queue-topology.ts. */

import { between, pick, type Operation } from './operation.ts';
import { publishTo, settleKind, settleOnce, takeOnce } from './queues.ts';
import { TAKEN } from './queue-topology.ts';

const PUBLISHED = ['mended', 'mended', 'mended', 'overflowing', 'mourned', 'nowhere'];

export const publishFeature: Operation = {
  name: 'publish-feature',
  weight: 3,
  run: (client, id, random) => publishTo(client, id, random, pick(random, PUBLISHED)),
};

export const takeFeature: Operation = {
  name: 'take-feature',
  weight: 4,
  run: async (client, _, random) => {
    const queue = pick(random, TAKEN);
    const waitMs = random() < 0.2 ? between(random, 100, 2_000) : 0;
    const taken = await takeOnce(
      client,
      queue,
      between(random, 1, 5),
      between(random, 1_000, 9_000),
      waitMs,
      false,
      false,
    );
    client.held.push(...(taken?.deliveries ?? []).map(({ tag, id }) => ({ queue, tag, id })));
  },
};

/** A consumer that can do little with what it gets. */
export const fail: Operation = {
  name: 'fail',
  weight: 2.5,
  run: async (client, _, random) => {
    const queue = pick(random, ['mended', 'mended', 'elsewhere']);
    const taken = await takeOnce(client, queue, 5, between(random, 1_000, 4_000), 0, false, false);
    const held = (taken?.deliveries ?? []).map(({ tag, id }) => ({ queue, tag, id }));
    if (held.length === 0) return;
    const kinds = held.map(() => (random() < 0.8 ? 'reject' : settleKind(random)));
    await settleOnce(client, queue, held, kinds, random);
  },
};
