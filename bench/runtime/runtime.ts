/** Benchmark runtime: a worker in a fresh process with a fresh folder, both removed afterwards. */

import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { startBroker } from '../../scripts/broker/broker.ts';
import { bundleWorker } from '../../scripts/broker/bundle.ts';
import { Client } from './client.ts';

/** A broker, or the bare object that it is measured by. */
export type Contender = 'posthorn' | 'bare';

/** Starts a broker over a folder. */
export type Start = (options: { dataPath: string }) => Promise<{ url: string; stop: () => Promise<void> }>;

export async function withRuntime<Result>(
  contender: Contender | Start,
  run: (client: Client) => Promise<Result>,
): Promise<Result> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const start = contender === 'posthorn' ? startBroker : contender === 'bare' ? startBare : contender;
  const { url, stop } = await start({ dataPath });
  const client = new Client(url);
  try {
    return await run(client);
  } finally {
    client.close();
    await stop();
    await rm(dataPath, { recursive: true, force: true });
  }
}

async function startBare({ dataPath }: { dataPath: string }): ReturnType<Start> {
  const miniflare = new Miniflare({
    name: 'bare',
    modules: [
      { type: 'ESModule', path: 'index.mjs', contents: await bundleWorker('bench/runtime/bare-worker.ts') },
    ],
    compatibilityDate: '2026-07-30',
    durableObjects: { BARE: { className: 'Bare', useSQLite: true } },
    durableObjectsPersist: dataPath,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    telemetry: { enabled: false },
  });
  await miniflare.ready;
  return { url: (await miniflare.unsafeGetDirectURL('bare')).href, stop: () => miniflare.dispose() };
}

/** Resident memory of the runtime that this process has started, in MB. Linux only; elsewhere null. */
export async function runtimeMemoryMb(): Promise<number | null> {
  try {
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const status = await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '');
      if (!/^Name:\tworkerd/m.test(status) || !status.includes(`PPid:\t${process.pid}\n`)) continue;
      return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024);
    }
  } catch {
    // Not Linux.
  }
  return null;
}
