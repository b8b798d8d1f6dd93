/** Consumers that take without settling, at most once, and that stop in order: first they end their wait at the broker. */

import { declareLate } from './late-queues.ts';
import { between, type Operation } from './operation.ts';
import { publishTo, takeOnce } from './queues.ts';

const QUEUE = 'handed';

export const handed: Operation = {
  name: 'handed',
  weight: 3,
  run: async (client, id, random) => {
    if (!(await declareLate(client, QUEUE, random))) return;
    if (random() < 0.5) return await publishTo(client, id, random, QUEUE);
    const waitMs = between(random, 500, 6_000);
    const taking = takeOnce(client, QUEUE, between(random, 1, 4), 4_000, waitMs, true, false);
    await client.sleep(random() * waitMs);
    await client.request('DELETE', `/queues/${QUEUE}/waits?consumer_id=${client.name}`);
    await taking;
  },
};
