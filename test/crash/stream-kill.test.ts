/** Consumers by stream, through kill -9 of the broker: what they held comes back when the queue wakes, however long its lease. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Posthorn } from '../../sdk/index.ts';
import { isAlive, ServeProcess, until } from '../support/broker/serve-process.ts';

const LEASE_MS = 3_600_000;
const COUNT = 5;

let folder: string;
let serve: Awaited<ReturnType<typeof ServeProcess.start>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'posthorn-stream-kill-'));
  serve = await ServeProcess.start({ POSTHORN_DATA: folder, PORT: '0' });
});
afterAll(async () => {
  serve.killGroup('SIGKILL');
  await serve.exit;
  rmSync(folder, { recursive: true, force: true });
});

it('what a stream held is given to the next consumer, and what was polled stays with who polled', async () => {
  const posthorn = new Posthorn({ url: serve.info.url });
  await posthorn.queues.declare('jobs', { leaseMs: LEASE_MS });
  const publisher = posthorn.publisher();
  for (let number = 0; number <= COUNT; number++) await publisher.sendToQueue('jobs', { body: number });
  const url = `${serve.info.url}/v1/default/queues/jobs/deliveries`;
  const polled = await fetch(url, { method: 'POST', body: '{"max": 1, "consumer_id": "poller"}' });
  expect(polled.status).toBe(200);
  const ending = new AbortController();
  const held = posthorn.consumer('jobs', () => new Promise(() => {}), {
    prefetch: COUNT,
    concurrency: COUNT,
    signal: ending.signal,
  });
  await expect.poll(async () => (await posthorn.queues.get('jobs')).state.leased).toBe(COUNT + 1);

  serve.killGroup('SIGKILL');
  await until('the broker is gone', () => !isAlive(serve.info.workerdPid));
  ending.abort();
  await held.done.catch(() => {});
  await serve.exit;
  serve = await ServeProcess.start({ POSTHORN_DATA: folder, PORT: '0' });

  const again = new Posthorn({ url: serve.info.url });
  const received: unknown[] = [];
  const consumer = again.consumer('jobs', (message) => void received.push(message.json()));
  await until('all are received', () => received.length >= COUNT, 20_000);
  expect(received).toEqual(Array.from({ length: COUNT }, (_, number) => number + 1));
  await consumer.stop();
  expect((await again.queues.get('jobs')).state).toMatchObject({ ready: 0, leased: 1 });
}, 60_000);
