/**
 * A namespace that is being deleted when everything is killed with kill -9: the deletion goes on by itself, to the end.
 *
 * `DELETION_KILLS=5` for more kills of one deletion.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NamespaceReply } from '../../protocol/schemas/namespaces.ts';
import { filesWith, fillNamespace, type Send } from '../support/broker/full-namespace.ts';
import { isAlive, ServeProcess, until } from '../support/broker/serve-process.ts';

const KILLS = Number(process.env['DELETION_KILLS'] ?? 2);
const QUEUES = 100;
const MARKER = 'MARK-doomed';
const PATH = '/admin/v1/namespaces/doomed';

let folder: string;
let serve: Awaited<ReturnType<typeof ServeProcess.start>>;

const start = async (): Promise<void> => {
  serve = await ServeProcess.start({ POSTHORN_DATA: folder });
};

const killAll = async (): Promise<void> => {
  const { workerdPid } = serve.info;
  serve.killGroup('SIGKILL');
  await serve.exit;
  await until('workerd is gone', () => !isAlive(workerdPid));
};

const ask = (method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(`${serve.info.url}${path}`, {
    method,
    headers: { connection: 'close', 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

const send: Send = async (method, path, body) => {
  const response = await ask(method, path, body);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
};

/** Objects that were freed; null before the deletion, and infinitely many when the namespace is gone. */
async function freed(): Promise<number | null> {
  const response = await ask('GET', PATH);
  const { state, deletion } = (await response.json()) as NamespaceReply;
  if (response.status === 404) return Infinity;
  return state === 'deleting' ? deletion!.freed : null;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'posthorn-namespace-kill-'));
  await start();
});
afterAll(async () => {
  await killAll();
  rmSync(folder, { recursive: true, force: true });
});

it('goes on after every kill, and leaves nothing', { timeout: 120_000 }, async () => {
  await send('PUT', PATH, {});
  await fillNamespace(send, 'doomed', MARKER);
  for (let first = 0; first < QUEUES; first += 10) {
    await Promise.all(
      Array.from({ length: 10 }, (_, nth) =>
        send('PUT', `/v1/doomed/queues/q${first + nth}`, { dead_letter: 'none' }),
      ),
    );
  }
  const seen: number[] = [];
  // Killed as soon as it has begun, before its reply or right after it, and then while it goes on.
  const reply = ask('DELETE', `${PATH}?confirm=doomed`).catch(() => null);
  let first: number | null = null;
  await Promise.race([reply, until('it has begun', async () => (first = await freed()) !== null, 30_000)]);
  for (let now: number | null = 0; seen.length < KILLS && now !== Infinity; now = await freed()) {
    await killAll();
    await start();
    seen.push((await freed()) ?? -1);
  }
  await until('the namespace is gone', async () => (await ask('GET', PATH)).status === 404, 60_000);
  console.log(`freed before the first kill: ${first}; when it was started again: ${seen.join(', ')}`);
  expect(seen).toEqual(seen.toSorted((one, other) => one - other));
  expect(seen[0]).toBeGreaterThanOrEqual(0);
  expect(await filesWith(folder, MARKER)).toEqual([]);
  await killAll();
  await start();
  expect((await ask('GET', PATH)).status).toBe(404);
  await send('PUT', PATH, {});
  expect(await send('GET', '/v1/doomed/queues')).toEqual({ queues: [] });
  await fillNamespace(send, 'doomed', 'MARK-second');
  const status = (await send('GET', '/v1/doomed/topics/events/partitions/0')) as { high_watermark: number };
  expect(status.high_watermark).toBeLessThan(40);
});
