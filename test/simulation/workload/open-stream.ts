/** A consumer on a WebSocket: takes what is pushed, and settles it, or does not, until it leaves, or is not there any more. */

import type { Random } from '../../crash/random.ts';
import type { SettleKind } from '../history.ts';
import type { SimSocket } from '../platform/socket.ts';
import type { Client, Held } from './client.ts';
import { deliveredEvent, nackDelay, settleKind, settleRequest } from './queues.ts';

export interface StreamOptions {
  queue: string;
  /** Unique in the run, and begins with `stream-`. */
  consumer: string;
  prefetch: number;
  leaseMs: number;
  /** How much of what comes is settled, from 0 to 1. */
  settles: number;
  /** How long it takes for that at most, in ms. */
  settleMs: number;
  /** It pings so often; left out: never. */
  heartbeatMs?: number;
}

export interface OpenStream {
  /** Closes it in order. What is not answered yet is not known. */
  readonly close: () => void;
  /** Is gone without a word: nothing reaches it, and nothing tells the broker. */
  readonly vanish: () => void;
}

interface Asked {
  held: Held[];
  kinds: SettleKind[];
  request: Record<string, unknown[]>;
  begin: number;
}

/** Returns null if there was no connection. */
export async function openStream(
  client: Client,
  options: StreamOptions,
  random: Random,
): Promise<OpenStream | null> {
  const { queue, consumer, prefetch, leaseMs, settles, settleMs, heartbeatMs } = options;
  const heartbeat = heartbeatMs === undefined ? '' : `&heartbeat_ms=${heartbeatMs}`;
  const query = `prefetch=${prefetch}&lease_ms=${leaseMs}&consumer_id=${consumer}${heartbeat}`;
  const path = `/queues/${queue}/stream?${query}`;
  const { response } = await client.raw('GET', path, undefined, 0, () => {}, { upgrade: 'websocket' });
  const socket = response?.webSocket as SimSocket | undefined;
  if (!socket) return null;
  let isOver = false;
  /** Settlements under way, by their number. */
  const asked = new Map<number, Asked>();
  const { history, world } = client;
  const answered = (number: number, results: { tag: string; outcome: string }[] | null): void => {
    const known = asked.get(number);
    if (!known) return;
    asked.delete(number);
    const outcomes = new Map(results?.map((one) => [one.tag, one.outcome]));
    const settlements = known.held.map(({ tag, id }, index) => ({
      tag,
      id,
      kind: known.kinds[index]!,
      result: outcomes.get(tag) ?? null,
      ...nackDelay(known.request, tag),
    }));
    const end = results === null ? Infinity : history.now();
    client.add({ kind: 'settle', client: client.name, queue, begin: known.begin, end, settlements });
  };
  const settleLater = (held: Held[]): void => {
    world.scheduler.after(random() * settleMs, 'stream settles', () => {
      if (isOver || socket.readyState !== 1) return;
      const kinds = held.map(() => settleKind(random));
      const number = history.now();
      const request = settleRequest(held, kinds, random);
      asked.set(number, { held, kinds, request, begin: number });
      socket.send(JSON.stringify({ id: String(number), ...request }));
    });
  };
  const ping = (): void => {
    if (isOver || socket.readyState !== 1) return;
    socket.send('ping');
    world.scheduler.after(heartbeatMs! * 0.8, 'stream pings', ping);
  };
  socket.addEventListener('message', ({ data }) => {
    if (data === 'pong') return;
    const message = JSON.parse(data as string) as Record<string, unknown>;
    if ('results' in message) return answered(Number(message['id']), message['results'] as []);
    if (isOver || !('deliveries' in message)) return;
    const now = history.now();
    const event = deliveredEvent(client.name, queue, consumer, leaseMs, false, false, now, now, message);
    client.add(event);
    if (random() < settles) settleLater(event.deliveries.map(({ tag, id }) => ({ queue, tag, id })));
  });
  socket.addEventListener('close', () => (isOver = true));
  socket.accept();
  if (heartbeatMs !== undefined) ping();
  const end = (): void => {
    isOver = true;
    for (const number of [...asked.keys()]) answered(number, null);
  };
  return {
    close: () => {
      end();
      if (socket.readyState === 1) socket.close(1000, 'done');
    },
    vanish: () => {
      end();
      socket.vanish();
    },
  };
}
