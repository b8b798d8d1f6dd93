/** A queue that an operator steers: its messages are listed, cancelled, run now, and moved to another queue. */

import type { Random } from '../../crash/random.ts';
import type { Answer, Client } from './client.ts';
import { declareLate } from './late-queues.ts';
import { between, pick, type Operation } from './operation.ts';
import { publishTo, settleOnce, takeOnce } from './queues.ts';

const QUEUE = 'steered';
const TARGET = 'steered-to';

export const steered: Operation = {
  name: 'steered',
  weight: 4,
  run: async (client, id, random) => {
    if (!(await declareLate(client, QUEUE, random)) || !(await declareLate(client, TARGET, random))) return;
    const chance = random();
    if (chance < 0.4) await publishTo(client, id, random, QUEUE);
    else if (chance < 0.6) await take(client, random);
    else if (chance < 0.9) await steer(client, random);
    else await move(client, id, random);
  },
};

async function take(client: Client, random: Random): Promise<void> {
  const queue = random() < 0.8 ? QUEUE : TARGET;
  const taken = await takeOnce(
    client,
    queue,
    between(random, 1, 4),
    between(random, 1_000, 4_000),
    0,
    false,
    false,
  );
  const held = (taken?.deliveries ?? []).map(({ tag, id }) => ({ queue, tag, id }));
  if (held.length === 0 || random() < 0.2) return;
  const kinds = held.map(() => pick(random, ['nack', 'nack', 'release', 'ack', 'reject'] as const));
  await settleOnce(client, queue, held, kinds, random);
}

interface Listed {
  id: string;
  body: string;
  state: string;
}

async function steer(client: Client, random: Random): Promise<void> {
  const state = pick(random, ['', '', 'state=delayed&', 'state=waiting&', 'state=ready&']);
  const path = `/queues/${QUEUE}/messages`;
  const { outcome, body } = await client.request(
    'GET',
    `${path}/list?${state}limit=${between(random, 1, 20)}`,
  );
  if (outcome !== 'ok') return;
  const listed = body['messages'] as Listed[];
  if (listed.length === 0) return;
  const chosen = pick(random, listed);
  const at = `${path}/${chosen.id}`;
  if (random() < 0.2) await client.request('GET', at);
  const what = random() < 0.5 ? 'cancel' : 'run';
  const isLetter = random() < 0.3;
  await client.retried(random, async () => {
    const answer =
      what === 'run'
        ? await client.request('POST', `${at}/run`)
        : await client.request('DELETE', `${at}${isLetter ? '?dead_letter=true' : ''}`);
    client.add({
      kind: 'steer',
      client: client.name,
      what,
      id: chosen.body,
      place: chosen.id,
      outcome: answer.outcome,
      isGone: answer.status === 404,
      result: answer.outcome === 'ok' ? (answer.body['outcome'] as string) : null,
      begin: answer.begin,
      end: answer.end,
    });
    return answer;
  });
}

async function move(client: Client, id: string, random: Random): Promise<void> {
  const order = {
    id: `move-${id}`,
    to: { queue: TARGET },
    ...(random() < 0.6 && { rate_per_s: between(random, 1, 3) }),
    ...(random() < 0.3 && { limit: between(random, 1, 5) }),
    ...(random() < 0.4 && { states: [pick(random, ['ready', 'waiting', 'delayed'])] }),
  };
  const path = `/queues/${QUEUE}`;
  let since = Infinity;
  const see = (what: 'begin' | 'look' | 'cancel', answer: Answer): void => {
    since = Math.min(since, answer.begin);
    if (answer.outcome === 'ok') client.add(seen(client, { ...order, since }, what, answer));
  };
  await client.retried(random, async () => {
    const answer = await client.request('POST', `${path}/move`, order);
    see('begin', answer);
    return answer;
  });
  for (let looks = between(random, 0, 3); looks > 0; looks--) {
    await client.sleep(between(random, 10, 1_500));
    see('look', await client.request('GET', `${path}/moves/${order.id}`));
  }
  if (random() < 0.4) see('cancel', await client.request('DELETE', `${path}/moves/${order.id}`));
}

/** A move goes forward as a replay does, and is judged with them. */
function seen(
  client: Client,
  order: { id: string; since: number; limit?: number; rate_per_s?: number },
  what: 'begin' | 'look' | 'cancel',
  { body, begin, end }: Answer,
) {
  return {
    kind: 'replay' as const,
    client: client.name,
    replay: order.id,
    since: order.since,
    what,
    state: body['state'] as 'running' | 'done' | 'cancelled',
    moved: body['moved'] as number,
    lookedAt: body['looked_at'] as number,
    total: body['total'] as number,
    limit: order.limit ?? null,
    ratePerS: order.rate_per_s ?? null,
    begin,
    end,
  };
}
