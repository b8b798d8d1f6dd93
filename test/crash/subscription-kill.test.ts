/**
 * Subscriptions of a queue and of a topic through kill -9 of the runtime and of the whole broker, with an endpoint that refuses some messages once: each
 * message that was confirmed is pushed at least once and settled once, always under its own id, and none is used up.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PushEndpoint } from '../support/clients/push-endpoint.ts';
import { answers, isAlive, ServeProcess, until } from '../support/broker/serve-process.ts';

/** Whether a kill is one of the whole broker, or of the runtime. */
const KILLS = [false, true, false];

/** Pushed between two kills, at least. */
const PUSHED = 40;
const KEYS = 5;

interface Pushed {
  messages: { id: string; attempt: number; body: number }[];
}

interface PushedRecords {
  messages: { id: string; attempt: number; partition: number; offset: number; value: number }[];
}

let folder: string;
let endpoint: PushEndpoint;
let serve: Awaited<ReturnType<typeof ServeProcess.start>>;
let port = '0';

const start = async (): Promise<void> => {
  serve = await ServeProcess.start({ POSTHORN_DATA: folder, PORT: port });
  port = new URL(serve.info.url).port;
};
beforeEach(async () => {
  port = '0';
  endpoint = await PushEndpoint.start();
  folder = mkdtempSync(join(tmpdir(), 'posthorn-subscription-kill-'));
  await start();
});
afterEach(async () => {
  serve.killGroup('SIGKILL');
  await serve.exit;
  await endpoint.stop();
  rmSync(folder, { recursive: true, force: true });
});

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

async function call<Body>(method: string, path: string, body?: unknown): Promise<Body> {
  const response = await fetch(`${serve.info.url}/v1/default/${path}`, {
    method,
    headers: { connection: 'close', 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const json = (await response.json()) as Body;
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`);
  return json;
}

/** Calls with 0, 1, 2 and so on while the broker is killed again and again. Returns the numbers whose call was answered. */
async function underLoad(send: (number: number) => Promise<unknown>): Promise<Set<number>> {
  const confirmed = new Set<number>();
  let next = 0;
  let isOver = false;
  const load = async (): Promise<void> => {
    while (!isOver) {
      const number = next++;
      try {
        await send(number);
        confirmed.add(number);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const loading = load();
  for (const isWhole of KILLS) {
    await endpoint.untilRequests(endpoint.requests.length + PUSHED, 60_000);
    await kill(isWhole);
  }
  await endpoint.untilRequests(endpoint.requests.length + PUSHED, 60_000);
  isOver = true;
  await loading;
  return confirmed;
}

it('pushes each message, whatever is killed', { timeout: 180_000 }, async () => {
  const refusedOnce = new Set<number>();
  endpoint.answer = ({ bytes }) => {
    const [message] = (JSON.parse(bytes.toString()) as Pushed).messages;
    if (message!.body % 10 !== 0 || refusedOnce.has(message!.body)) return 204;
    refusedOnce.add(message!.body);
    return 422;
  };
  await call('PUT', 'queues/jobs', { retry: { schedule_ms: [50, 50] } });
  await call('PUT', 'subscriptions/push', { source: { queue: 'jobs' }, target: { url: endpoint.url } });
  const confirmed = await underLoad((body) => {
    const message = { body, properties: { ordering_key: `k${body % KEYS}` } };
    return call('POST', 'queues/jobs/messages', { messages: [message] });
  });
  type State = { state: { ready: number; leased: number; parked: number; lost: { dropped: number } } };
  await until(
    'an empty queue',
    async () => {
      const { ready, leased, parked } = (await call<State>('GET', 'queues/jobs')).state;
      return ready + leased + parked === 0;
    },
    60_000,
  );
  const pushed = endpoint.requests.flatMap(({ bytes }) => (JSON.parse(bytes.toString()) as Pushed).messages);
  const ids = Map.groupBy(pushed, ({ id }) => id);
  for (const [id, alike] of ids) expect([id, new Set(alike.map(({ body }) => body)).size]).toEqual([id, 1]);
  const missing = [...confirmed].filter((body) => !pushed.some((message) => message.body === body));
  expect(missing).toEqual([]);
  // A publish that was cut off may have been stored, and then is another message with the same body.
  for (let key = 0; key < KEYS; key++) {
    const ofKey = [...ids.values()].map(([first]) => first!.body).filter((body) => body % KEYS === key);
    expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b));
  }
  const { dead_letters: dead } = await call<{ dead_letters: unknown[] }>(
    'GET',
    'queues/jobs.dlq/dead-letters',
  ).catch(() => ({ dead_letters: [] }));
  expect(dead).toEqual([]);
  // None is forgotten, and none is counted twice. One whose request had no time to leave before a kill is counted all the same.
  for (const [id, alike] of ids) {
    const attempts = alike.map(({ attempt }) => attempt);
    expect([id, attempts]).toEqual([id, attempts.toSorted((a, b) => a - b)]);
    expect([id, attempts[0]! <= 1 + KILLS.length]).toEqual([id, true]);
    expect([id, Math.max(...attempts) <= attempts.length + KILLS.length]).toEqual([id, true]);
  }
  console.log(`${confirmed.size} confirmed, ${ids.size} messages, ${pushed.length} requests`);
});

it('pushes each record of a topic, whatever is killed', { timeout: 180_000 }, async () => {
  const attemptsOf = new Map<string, number[]>();
  endpoint.answer = ({ bytes }) => {
    const [record] = (JSON.parse(bytes.toString()) as PushedRecords).messages;
    const attempts = attemptsOf.get(record!.id) ?? [];
    attemptsOf.set(record!.id, [...attempts, record!.attempt]);
    return record!.value % 10 === 0 && attempts.length === 0 ? 422 : 204;
  };
  await call('PUT', 'topics/events', { partitions: 2 });
  const source = { topic: 'events', retry: { schedule_ms: [50, 50, 50] } };
  await call('PUT', 'subscriptions/push-topic', { source, target: { url: endpoint.url } });
  const confirmed = await underLoad((value) =>
    call('POST', 'topics/events/records', { records: [{ key: `k${value % KEYS}`, value }] }),
  );
  await until(
    'no lag',
    async () =>
      (await call<{ state: { lag: number | null } }>('GET', 'subscriptions/push-topic')).state.lag === 0,
    60_000,
  );
  const pushed = endpoint.requests.flatMap(
    ({ bytes }) => (JSON.parse(bytes.toString()) as PushedRecords).messages,
  );
  const places = Map.groupBy(pushed, ({ partition, offset }) => `${partition}/${offset}`);
  for (const [place, alike] of places)
    expect([place, new Set(alike.map(({ id }) => id)).size]).toEqual([place, 1]);
  expect([...confirmed].filter((value) => !pushed.some((record) => record.value === value))).toEqual([]);
  for (let key = 0; key < KEYS; key++) {
    const ofKey = [...places.values()].map(([first]) => first!.value).filter((value) => value % KEYS === key);
    expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b));
  }
  // The one refusal of a record may be lost with the object that heard it, but no attempt is counted twice.
  for (const [id, attempts] of attemptsOf)
    expect([id, Math.max(...attempts)]).toEqual([id, Math.min(Math.max(...attempts), 2)]);
  const { dead_letters: dead } = await call<{ dead_letters: unknown[] }>(
    'GET',
    'queues/push-topic.dlq/dead-letters',
  );
  expect(dead).toEqual([]);
  console.log(`${confirmed.size} confirmed, ${places.size} records, ${pushed.length} requests`);
});
