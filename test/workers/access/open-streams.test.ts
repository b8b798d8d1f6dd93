/** Open streams of tokens: cut when their token is revoked. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LockedBroker, type Team } from './support.ts';

let locked: LockedBroker;
let team: Team;
beforeAll(async () => {
  locked = await LockedBroker.start();
  team = await locked.team('team');
  expect((await locked.call('PUT', '/v1/team/queues/mails', {}, team.admin.token)).status).toBe(201);
});
afterAll(() => locked.broker.stop());

interface Stream {
  socket: WebSocket;
  bodies: unknown[];
  closed: Promise<{ code: number; reason: string }>;
}

interface Deliveries {
  deliveries: { delivery_tag: string; body: unknown }[];
}

/** A stream that acknowledges what it gets. */
async function open(credential: string): Promise<Stream> {
  const url = `${locked.broker.url.replace('http', 'ws')}/v1/team/queues/mails/stream?access_token=${credential}`;
  const socket = new WebSocket(url);
  const bodies: unknown[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason })),
  );
  socket.addEventListener('message', ({ data }) => {
    if (data === 'pong') return;
    const { deliveries = [] } = JSON.parse(String(data)) as Partial<Deliveries>;
    bodies.push(...deliveries.map(({ body }) => body));
    if (deliveries.length > 0)
      socket.send(JSON.stringify({ ack: deliveries.map(({ delivery_tag: tag }) => tag) }));
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('the stream was not opened')));
  });
  return { socket, bodies, closed };
}

const publish = async (body: unknown): Promise<void> => {
  const messages = { messages: [{ body }] };
  const reply = await locked.call('POST', '/v1/team/queues/mails/messages', messages, team.producer.token);
  expect(reply.status).toBe(200);
};

it('a stream ends when its token is revoked, and others go on', async () => {
  const other = await locked.token('team', { roles: ['consumer'] }, team.admin.token);
  const [leaked, kept] = [await open(team.consumer.token), await open(other.token)];
  for (let sent = 0; sent < 10; sent++) await publish(sent);
  while (leaked.bodies.length + kept.bodies.length < 10) await publish('more');
  expect(leaked.bodies.length).toBeGreaterThan(0);
  expect(kept.bodies.length).toBeGreaterThan(0);
  await locked.call('DELETE', `/admin/v1/tokens/${team.consumer.id}`, undefined, team.admin.token);
  expect(await leaked.closed).toEqual({ code: 4401, reason: 'the token was revoked' });
  const before = [leaked.bodies.length, kept.bodies.length] as const;
  await publish('afterwards');
  while (kept.bodies.at(-1) !== 'afterwards') await delay(10);
  expect(leaked.bodies).toHaveLength(before[0]);
  expect(kept.socket.readyState).toBe(WebSocket.OPEN);
  kept.socket.close();
  await kept.closed;
  // The queue has heard that it left: what comes is not leased to anybody.
  for (;;) {
    const path = '/v1/team/queues/mails';
    const { body } = await locked.call<{ state: { consumers: number } }>('GET', path, undefined, other.token);
    if (body.state.consumers === 0) break;
  }
});
