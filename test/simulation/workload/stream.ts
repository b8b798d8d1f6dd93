/** A consumer on a WebSocket: takes what is pushed, settles most of it, and leaves, now and then without a word. */

import type { SettleKind } from '../history.ts';
import type { Held } from './client.ts';
import { between, pick, type Operation } from './operation.ts';
import { deliveredEvent, nackDelay, settleKind, settleRequest } from './queues.ts';

const LEASE_MS = 10_000;

interface Asked {
  held: Held[];
  kinds: SettleKind[];
  request: Record<string, unknown[]>;
  begin: number;
}

export const stream: Operation = {
  name: 'stream',
  weight: 2,
  run: async (client, id, random) => {
    const queue = pick(random, ['plain', 'keyed', 'ranked', 'single', 'left']);
    const consumer = `stream-${id}`;
    const query = `prefetch=${between(random, 1, 6)}&lease_ms=${LEASE_MS}&consumer_id=${consumer}`;
    const upgrade = { upgrade: 'websocket' };
    const { response } = await client.raw(
      'GET',
      `/queues/${queue}/stream?${query}`,
      undefined,
      0,
      () => {},
      upgrade,
    );
    const socket = response?.webSocket;
    if (!socket) return;
    let isOver = false;
    /** Settlements under way, by their number. */
    const asked = new Map<number, Asked>();
    const { history, world } = client;
    const answered = (number: number, results: { tag: string; outcome: string }[] | null): void => {
      const known = asked.get(number);
      if (!known) return;
      asked.delete(number);
      const outcomes = new Map(results?.map((one) => [one.tag, one.outcome]));
      const settlements = known.held.map(({ tag, id: name }, index) => ({
        tag,
        id: name,
        kind: known.kinds[index]!,
        result: outcomes.get(tag) ?? null,
        ...nackDelay(known.request, tag),
      }));
      const end = results === null ? Infinity : history.now();
      client.add({ kind: 'settle', client: client.name, queue, begin: known.begin, end, settlements });
    };
    const settleLater = (held: Held[]): void => {
      world.scheduler.after(random() * 2_000, 'stream settles', () => {
        if (isOver || socket.readyState !== 1) return;
        const kinds = held.map(() => settleKind(random));
        const number = history.now();
        const request = settleRequest(held, kinds, random);
        asked.set(number, { held, kinds, request, begin: number });
        socket.send(JSON.stringify({ id: String(number), ...request }));
      });
    };
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data as string) as Record<string, unknown>;
      if ('results' in message) return answered(Number(message['id']), message['results'] as []);
      if (isOver || !('deliveries' in message)) return;
      const now = history.now();
      const event = deliveredEvent(client.name, queue, consumer, LEASE_MS, false, false, now, now, message);
      client.add(event);
      if (random() < 0.9)
        settleLater(event.deliveries.map(({ tag, id: name }) => ({ queue, tag, id: name })));
    });
    socket.addEventListener('close', () => (isOver = true));
    socket.accept();
    await client.sleep(between(random, 500, 12_000));
    isOver = true;
    for (const number of asked.keys()) answered(number, null);
    if (socket.readyState === 1) socket.close(1000, 'done');
  },
};
