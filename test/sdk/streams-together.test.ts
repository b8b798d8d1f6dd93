/** Several consumers on streams of one queue, with what the SDK says by default; and a broker that dies without a word. */

import { once } from 'node:events';
import { connect, createServer, type Socket as TcpSocket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { ReceivedMessage } from '../../sdk/index.ts';
import { brokerForTests, numbers, until } from './harness.ts';

const broker = brokerForTests();

/** Consumers that have handled nothing yet and wait. */
async function idleConsumers(queue: string, count: number): Promise<number[][]> {
  const handled = Array.from({ length: count }, (): number[] => []);
  for (const mine of handled) {
    const consumer = broker.client().consumer(queue, (message) => void mine.push(message.json<number>()!));
    onTestFinished(() => consumer.stop());
  }
  await until(async () => (await broker.client().queues.get(queue)).state.consumers === count);
  return handled;
}

it.each(['one by one', 'as one batch'])('three idle consumers share what is published %s', async (how) => {
  const queue = await broker.queue({ deadLetter: 'none' });
  const handled = await idleConsumers(queue, 3);
  await using publisher = broker.client().publisher();
  if (how === 'one by one') for (const n of numbers(60)) await publisher.sendToQueue(queue, { body: n });
  else await Promise.all(numbers(60).map((n) => publisher.sendToQueue(queue, { body: n })));
  await until(() => handled.flat().length === 60);
  expect(handled.map(({ length }) => length)).toEqual([20, 20, 20]);
  expect(handled.flat().toSorted((a, b) => a - b)).toEqual(numbers(60));
});

it('a stream that never settles leaves everything to a healthy consumer in the end, and nothing dies', async () => {
  const queue = await broker.queue({ leaseMs: 500, deadLetter: 'none' });
  const url = `${broker.url.replace('http', 'ws')}/v1/default/queues/${queue}/stream?prefetch=10&lease_ms=500`;
  const stuck = new WebSocket(url);
  onTestFinished(() => stuck.close());
  await until(async () => (await broker.client().queues.get(queue)).state.consumers === 1);
  await using publisher = broker.client().publisher();
  await Promise.all(numbers(20).map((n) => publisher.sendToQueue(queue, { body: n })));
  const handled: number[] = [];
  const healthy = broker.client().consumer(queue, (message) => void handled.push(message.json<number>()!));
  onTestFinished(() => healthy.stop());
  await until(() => handled.length === 20);
  expect(handled.toSorted((a, b) => a - b)).toEqual(numbers(20));
  await until(async () => (await broker.client().queues.get(queue)).state.meter.settled === 20);
  const { state } = await broker.client().queues.get(queue);
  expect(state).toMatchObject({
    ready: 0,
    leased: 0,
    parked: 0,
    outgoing: 0,
    meter: { deadLettered: 0, dropped: 0 },
  });
});

/** A way to the broker that can go dead: nothing is closed, and nothing passes any more. New connections pass. */
async function dyingWay(): Promise<{ url: string; die(): void }> {
  const target = new URL(broker.url);
  const open = new Set<TcpSocket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const die = (): void => {
    for (const socket of open) socket.unpipe().pause();
  };
  return { url: `http://127.0.0.1:${port}${target.pathname}`, die };
}

it('a connection that dies without a word is given up by both sides after three heartbeats, and opened anew', async () => {
  const queue = await broker.queue({ deadLetter: 'none' });
  const way = await dyingWay();
  const told: string[] = [];
  const first: ReceivedMessage[] = [];
  const again: ReceivedMessage[] = [];
  const consumer = broker
    .client({ url: way.url })
    .consumer(queue, (message) => void (message.redelivered ? again : first).push(message), {
      settle: 'manual',
      leaseMs: 600_000,
      heartbeatMs: 500,
      transport: 'stream',
      onError: (error) => told.push((error as { code: string }).code),
    });
  onTestFinished(() => consumer.stop());
  await until(async () => (await broker.client().queues.get(queue)).state.consumers === 1);
  await using publisher = broker.client().publisher();
  await publisher.sendToQueue(queue, { body: 1 });
  await until(() => first.length === 1);
  way.die();
  await until(() => again.length === 1);
  expect(first[0]!.signal.aborted).toBe(true);
  expect(told).toEqual(['connection_failed']);
  await again[0]!.ack();
  const { state } = await broker.client().queues.get(queue);
  expect(state).toMatchObject({ consumers: 1, ready: 0, leased: 0 });
});
