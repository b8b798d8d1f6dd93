/** A queue that has one active consumer for a while, then many, while consumers poll and stream. */

import { declareLate } from './late-queues.ts';
import { openStream } from './open-stream.ts';
import { between, type Operation } from './operation.ts';
import { publishTo, takeOnce } from './queues.ts';

const QUEUE = 'switched';

export const switched: Operation = {
  name: 'switched',
  weight: 4,
  run: async (client, id, random) => {
    if (!(await declareLate(client, QUEUE, random))) return;
    const chance = random();
    if (chance < 0.35) return await publishTo(client, id, random, QUEUE);
    if (chance < 0.5) {
      const change = { single_active_consumer: random() < 0.6, lease_ms: between(random, 2_000, 5_000) };
      return void (await client.request('PATCH', `/queues/${QUEUE}`, change));
    }
    if (chance < 0.85) {
      const waitMs = random() < 0.6 ? between(random, 1_000, 10_000) : 0;
      const leaseMs = between(random, 1_000, 6_000);
      const taken = await takeOnce(client, QUEUE, between(random, 1, 3), leaseMs, waitMs, false, false);
      client.held.push(
        ...(taken?.deliveries ?? []).map(({ tag, id: name }) => ({ queue: QUEUE, tag, id: name })),
      );
      return;
    }
    const opened = await openStream(
      client,
      { queue: QUEUE, consumer: `stream-${id}`, prefetch: 2, leaseMs: 4_000, settles: 0.9, settleMs: 1_000 },
      random,
    );
    if (opened) client.world.scheduler.after(between(random, 500, 12_000), 'stream ends', opened.close);
  },
};
