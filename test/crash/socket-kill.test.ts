/**
 * Publisher and producer by sockets, through kill -9 of the runtime and of the whole broker: what was confirmed is there, in
 * order, and nothing is there twice.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeSocket } from '../../sdk/client/sockets/node-socket.ts';
import { Posthorn } from '../../sdk/index.ts';
import { answers, isAlive, ServeProcess, until } from '../support/broker/serve-process.ts';

/** Confirmed between two kills, at least. */
const CONFIRMED = 30;

let folder: string;
let serve: Awaited<ReturnType<typeof ServeProcess.start>>;
let port = '0';

const start = async (): Promise<void> => {
  serve = await ServeProcess.start({ POSTHORN_DATA: folder, PORT: port });
  port = new URL(serve.info.url).port;
};
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'posthorn-socket-kill-'));
  await start();
});
afterAll(async () => {
  serve.killGroup('SIGKILL');
  await serve.exit;
  rmSync(folder, { recursive: true, force: true });
});

/** Its own workerd alone, or the whole process tree, after which another broker takes over the folder. */
async function kill(isWhole: boolean): Promise<void> {
  const { workerdPid } = serve.info;
  if (isWhole) serve.killGroup('SIGKILL');
  else process.kill(workerdPid, 'SIGKILL');
  await until('workerd is gone', () => !isAlive(workerdPid));
  if (isWhole) {
    await serve.exit;
    await start();
  } else await until('the broker answers again', () => answers(serve.info.url), 30_000);
}

/** Sends numbers, up to three at once, until it is over. @returns how many */
async function load(send: (value: number) => Promise<unknown>, confirmed: () => void): Promise<number> {
  const underWay = new Set<Promise<void>>();
  let next = 0;
  while (!isOver) {
    const sent: Promise<void> = send(next++).then(() => {
      underWay.delete(sent);
      confirmed();
    });
    underWay.add(sent);
    if (underWay.size >= next % 4) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  return next;
}
let isOver = false;

it('what was sent by sockets is stored once and in order', { timeout: 120_000 }, async () => {
  let opened = 0;
  const posthorn = new Posthorn({
    url: serve.info.url,
    retry: { baseMs: 10, maxMs: 50 },
    webSocket: async (url, headers) => {
      const socket = await nodeSocket!(url, headers);
      opened += 1;
      return socket;
    },
  });
  await posthorn.queues.declare('jobs');
  await posthorn.topics.declare('events');
  const publisher = posthorn.publisher({ connection: 'socket' });
  const producer = posthorn.producer({ connection: 'socket' });
  const confirmed = { jobs: 0, events: 0 };
  const loads = Promise.all([
    load(
      (body) => publisher.sendToQueue('jobs', { body }),
      () => confirmed.jobs++,
    ),
    load(
      (value) => producer.send('events', { value }),
      () => confirmed.events++,
    ),
  ]);
  // A broker says only once which runtime it has, so each loses its runtime at most once.
  for (const isWhole of [false, true, false]) {
    const before = { ...confirmed, opened };
    await until(
      'both have gone on, by sockets',
      () =>
        opened > before.opened &&
        confirmed.jobs > before.jobs + CONFIRMED &&
        confirmed.events > before.events + CONFIRMED,
      60_000,
    );
    await kill(isWhole);
  }
  isOver = true;
  const [jobs, events] = await loads;
  await Promise.all([publisher.close(), producer.close()]);
  expect(opened).toBeGreaterThan(2);
  const stored: unknown[] = [];
  for await (const message of posthorn.messages('jobs')) {
    stored.push(message.json());
    await message.ack();
    if (stored.length === jobs) break;
  }
  expect(stored).toEqual(Array.from({ length: jobs }, (_, value) => value));
  expect((await posthorn.queues.get('jobs')).state).toMatchObject({ ready: 0, leased: 0 });
  const read: unknown[] = [];
  for await (const record of posthorn.reader('events', { follow: false })) read.push(record.json());
  expect(read).toEqual(Array.from({ length: events }, (_, value) => value));
});
