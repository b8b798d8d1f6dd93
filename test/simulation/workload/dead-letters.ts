/** Operations on dead letters: replay and cancel, list and inspect, edit and send back, purge. */

import type { Random } from '../../crash/random.ts';
import type { ReplaySeen } from '../queue-history.ts';
import type { Answer, Client } from './client.ts';
import { between, pick, type Operation } from './operation.ts';

const LETTERS = '/queues/broken/dead-letters';

export const replay: Operation = {
  name: 'replay',
  weight: 2,
  run: async (client, id, random) => {
    const order = {
      id: `replay-${id}`,
      ...(random() < 0.7 && { rate_per_s: between(random, 1, 2) }),
      ...(random() < 0.3 && { limit: between(random, 1, 4) }),
      ...(random() < 0.4 && { to: { queue: pick(random, ['elsewhere', 'mended']) } }),
      ...(random() < 0.3 && { filter: { error_type: 'passing' } }),
    };
    if (random() < 0.2) {
      await client.request('POST', `${LETTERS}/replay`, { ...order, dry_run: true });
      return;
    }
    let since = Infinity;
    const see = (what: ReplaySeen['what'], answer: Answer): void => {
      since = Math.min(since, answer.begin);
      seen(client, { ...order, since }, what, answer);
    };
    await client.retried(random, async () => {
      const answer = await client.request('POST', `${LETTERS}/replay`, order);
      see('begin', answer);
      return answer;
    });
    for (let looks = between(random, 0, 3); looks > 0; looks--) {
      await client.sleep(between(random, 10, 1_500));
      see('look', await client.request('GET', `${LETTERS}/replays/${order.id}`));
    }
    if (random() < 0.5) {
      see('cancel', await client.request('DELETE', `${LETTERS}/replays/${order.id}`));
      await client.sleep(between(random, 10, 2_500));
    }
    see('look', await client.request('GET', `${LETTERS}/replays/${order.id}`));
  },
};

function seen(
  client: Client,
  order: { id: string; since: number; limit?: number; rate_per_s?: number },
  what: ReplaySeen['what'],
  { outcome, body, begin, end }: Answer,
): void {
  if (outcome !== 'ok') return;
  client.add({
    kind: 'replay',
    client: client.name,
    replay: order.id,
    since: order.since,
    what,
    state: body['state'] as ReplaySeen['state'],
    moved: body['moved'] as number,
    lookedAt: body['looked_at'] as number,
    total: body['total'] as number,
    limit: order.limit ?? null,
    ratePerS: order.rate_per_s ?? null,
    begin,
    end,
  });
}

export const deadLetters: Operation = {
  name: 'dead-letters',
  weight: 2,
  run: async (client, id, random) => {
    const letters = await list(client, random);
    if (letters.length === 0) return;
    const { place, id: message } = pick(random, letters);
    if (random() < 0.4) {
      await client.request('GET', `${LETTERS}/${place}`);
      return;
    }
    const mark = `mark-${id}`;
    const to = random() < 0.3 ? { to: { queue: 'elsewhere' } } : {};
    await client.retried(random, async () => {
      const answer = await client.request('POST', `${LETTERS}/${place}/resend`, {
        message: { headers: { mark } },
        ...to,
      });
      const { outcome, copies, begin, end } = answer;
      client.add({ kind: 'resend', client: client.name, id: message, mark, outcome, copies, begin, end });
      return answer;
    });
  },
};

interface Letter {
  id: string;
  original_message: { body: string };
  metadata: { reason: string | null; original_queue: string | null };
}

async function list(client: Client, random: Random): Promise<{ place: string; id: string }[]> {
  const query = `limit=${between(random, 1, 20)}${random() < 0.3 ? '&error_type=passing' : ''}`;
  const { outcome, body, begin, end } = await client.request('GET', `${LETTERS}?${query}`);
  if (outcome !== 'ok') return [];
  const letters = (body['dead_letters'] as Letter[]).map(({ id, original_message: message, metadata }) => ({
    place: id,
    id: message.body,
    reason: metadata.reason,
    origin: metadata.original_queue,
  }));
  if (letters.length > 0) client.add({ kind: 'letters', client: client.name, letters, begin, end });
  return letters;
}

export const purgeDeadLetters: Operation = {
  name: 'purge-dead-letters',
  weight: 0.3,
  run: async (client) => {
    const errorType = 'hopeless';
    const { outcome, begin, end } = await client.request('DELETE', `${LETTERS}?error_type=${errorType}`);
    client.add({ kind: 'purge-letters', client: client.name, errorType, outcome, begin, end });
  },
};
