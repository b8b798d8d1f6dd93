/** A schedule that publishes every minute, and is triggered now and then. */

import type { Client } from './client.ts';
import type { Operation } from './operation.ts';
import { TIMED } from './queue-topology.ts';

const PATH = `/schedules/${TIMED.schedule}`;

export const schedule: Operation = {
  name: 'schedule',
  weight: 0.7,
  run: async (client, _, random) => {
    if (random() < 0.4) await client.request('GET', PATH);
    else await trigger(client);
  },
};

async function trigger(client: Client): Promise<void> {
  const { outcome, body, begin, end } = await client.request('POST', `${PATH}/trigger`);
  if (outcome !== 'ok') return;
  const messageId = body['message_id'] as string;
  const isPublished = body['outcome'] === 'published';
  client.add({ kind: 'schedule', what: 'trigger', client: client.name, messageId, isPublished, begin, end });
}

/** From now on it publishes nothing. */
export async function endSchedule(client: Client): Promise<void> {
  const begin = client.history.now();
  for (;;) {
    const { outcome } = await client.request('POST', `${PATH}/pause`);
    if (outcome === 'ok') break;
    await client.sleep(500);
  }
  const end = client.history.now();
  client.add({
    kind: 'schedule',
    what: 'pause',
    client: client.name,
    messageId: null,
    isPublished: false,
    begin,
    end,
  });
}
