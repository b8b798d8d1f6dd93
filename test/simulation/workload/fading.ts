/** Messages whose time to live ends while they are away: delayed, waiting for another attempt, or held by a consumer. */

import { declareLate } from './late-queues.ts';
import { between, type Operation } from './operation.ts';
import { publishTo, settleOnce, takeOnce } from './queues.ts';

const QUEUE = 'fading';

export const fading: Operation = {
  name: 'fading',
  weight: 3,
  run: async (client, id, random) => {
    if (!(await declareLate(client, QUEUE, random))) return;
    if (random() < 0.5) return await publishTo(client, id, random, QUEUE);
    const leaseMs = between(random, 1_000, 5_000);
    const waitMs = random() < 0.3 ? between(random, 100, 3_000) : 0;
    const taken = await takeOnce(client, QUEUE, between(random, 1, 4), leaseMs, waitMs, false, false);
    const held = (taken?.deliveries ?? []).map(({ tag, id: name }) => ({ queue: QUEUE, tag, id: name }));
    if (held.length === 0 || random() < 0.2) return;
    await client.sleep(random() * 3_000);
    const kinds = held.map(() => (random() < 0.4 ? 'nack' : random() < 0.5 ? 'release' : 'ack'));
    await settleOnce(client, QUEUE, held, kinds, random);
  },
};
