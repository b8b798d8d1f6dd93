/** A stream that takes what is pushed, settles most of it, and leaves, now and then without a word. */

import { openStream } from './open-stream.ts';
import { between, pick, type Operation } from './operation.ts';

const LEASE_MS = 10_000;

export const stream: Operation = {
  name: 'stream',
  weight: 2,
  run: async (client, id, random) => {
    const options = {
      queue: pick(random, ['plain', 'keyed', 'ranked', 'single', 'left']),
      consumer: `stream-${id}`,
      prefetch: between(random, 1, 6),
      leaseMs: LEASE_MS,
      settles: 0.9,
      settleMs: 2_000,
    };
    const opened = await openStream(client, options, random);
    if (!opened) return;
    await client.sleep(between(random, 500, 12_000));
    opened.close();
  },
};
