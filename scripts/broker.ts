/**
 * The broker on one machine: the worker of wrangler.toml in miniflare's workerd. Requests go straight to workerd's own
 * socket, not through miniflare's proxy, which would cut the request rate to a third.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Miniflare, type WorkerOptions } from 'miniflare';
import { parse } from 'smol-toml';
import { bundleWorker } from './bundle.ts';

export interface BrokerOptions {
  /** The folder that holds all data. It is made where it does not exist. */
  dataPath: string;
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Another entry that exports the same classes: tests add to them. Relative to the root of the project. */
  entry?: string;
}

export interface Broker {
  /** Where clients reach it, without a slash at the end. */
  url: string;
  miniflare: Miniflare;
  /** Runs the cron trigger, which on this machine nobody else does. */
  runCron(): Promise<void>;
  stop(): Promise<void>;
}

interface WranglerConfig {
  main: string;
  compatibility_date: string;
  compatibility_flags: string[];
  vars: Record<string, string>;
  durable_objects: { bindings: { name: string; class_name: string }[] };
}

const WORKER_NAME = 'posthorn';

export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const config = await readWranglerConfig();
  const script = await bundleWorker(options.entry ?? config.main);
  const worker: WorkerOptions = {
    name: WORKER_NAME,
    modules: [{ type: 'ESModule', path: 'index.mjs', contents: script }],
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    bindings: config.vars,
    durableObjects: Object.fromEntries(
      config.durable_objects.bindings.map(({ name, class_name: className }) => [
        name,
        { className, useSQLite: true },
      ]),
    ),
    unsafeDirectSockets: [{ host: options.host ?? '127.0.0.1', port: options.port ?? 0 }],
  };
  const miniflare = new Miniflare({
    workers: [worker],
    durableObjectsPersist: options.dataPath,
    telemetry: { enabled: false },
  });
  await miniflare.ready;
  const direct = await miniflare.unsafeGetDirectURL(WORKER_NAME);
  return {
    url: direct.href.replace(/\/$/, ''),
    miniflare,
    runCron: async () => {
      const fetcher = (await miniflare.getWorker(WORKER_NAME)) as unknown as {
        scheduled(options: { scheduledTime: Date; cron: string }): Promise<unknown>;
      };
      await fetcher.scheduled({ scheduledTime: new Date(), cron: '*/5 * * * *' });
    },
    stop: () => miniflare.dispose(),
  };
}

async function readWranglerConfig(): Promise<WranglerConfig> {
  return parse(
    await readFile(join(import.meta.dirname, '../wrangler.toml'), 'utf8'),
  ) as unknown as WranglerConfig;
}
