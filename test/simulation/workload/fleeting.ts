/** A queue that is declared, used and deleted by everybody at the same time. */

import type { Random } from '../../crash/random.ts';
import type { QueueChanged } from '../queue-history.ts';
import type { Client } from './client.ts';
import { between, pick, type Operation } from './operation.ts';
import { FLEETING } from './queue-topology.ts';
import { publishTo, settleOnce, takeOnce } from './queues.ts';

const PATH = `/queues/${FLEETING}`;
const DELETIONS: [QueueChanged['what'], string][] = [
  ['delete-if-empty', '?if_empty=true'],
  ['delete-if-empty', '?if_empty=true'],
  ['delete-if-empty', '?if_empty=true&if_unused=true'],
  ['delete-if-unused', '?if_unused=true'],
  ['delete', ''],
];

export const fleeting: Operation = {
  name: 'fleeting',
  weight: 4,
  run: async (client, id, random) => {
    const chance = random();
    if (chance < 0.2) return await changed(client, 'declare', 'PUT', PATH, { lease_ms: 4_000 });
    if (chance < 0.5) return await publishTo(client, id, random, FLEETING);
    if (chance < 0.8) return await use(client, random);
    const [what, query] = pick(random, DELETIONS);
    await changed(client, what, 'DELETE', `${PATH}${query}`);
  },
};

/** Takes and acknowledges at once: else it would hardly ever be empty. */
async function use(client: Client, random: Random): Promise<void> {
  const waitMs = random() < 0.3 ? between(random, 100, 1_000) : 0;
  const taken = await takeOnce(client, FLEETING, 20, 4_000, waitMs, false, false);
  const held = (taken?.deliveries ?? []).map(({ tag, id }) => ({ queue: FLEETING, tag, id }));
  if (held.length === 0) return;
  const kinds = held.map(() => 'ack' as const);
  await settleOnce(client, FLEETING, held, kinds, random);
}

async function changed(
  client: Client,
  what: QueueChanged['what'],
  method: string,
  path: string,
  body?: object,
): Promise<void> {
  const { outcome, copies, begin, end } = await client.request(method, path, body);
  client.add({ kind: 'queue', client: client.name, queue: FLEETING, what, outcome, copies, begin, end });
}
