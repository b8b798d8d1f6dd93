/** A schedule that publishes every minute, and is triggered, paused and resumed now and then. */

import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';
import type { Operation } from './operation.ts';
import { TIMED } from './queue-topology.ts';
import { insist } from './topology.ts';

const PATH = `/schedules/${TIMED.schedule}`;

export const schedule: Operation = {
  name: 'schedule',
  weight: 0.7,
  run: async (client, _, random) => {
    const chance = random();
    if (chance < 0.3) await client.request('GET', PATH);
    else if (chance < 0.6) await interrupt(client, random);
    else await trigger(client);
  },
};

/** Each change is told to the object, and writes it anew. */
async function interrupt(client: Client, random: Random): Promise<void> {
  await client.request('POST', `${PATH}/pause`);
  await client.sleep(random() * 3_000);
  await client.request('POST', `${PATH}/resume`);
}

/** A pause of somebody may be what was heard of last. Nothing may be on its way any more. */
export async function resumeSchedule(client: Client): Promise<void> {
  await insist(client, 'POST', `${PATH}/resume`);
}

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
