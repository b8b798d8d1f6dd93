/**
 * The broker on one machine: the worker of wrangler.toml in miniflare's workerd. Requests go straight to workerd's own
 * socket, not through miniflare's proxy, which would cut the request rate to a third.
 */

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Log, LogLevel, Miniflare, type WorkerOptions } from 'miniflare';
import { parse } from 'smol-toml';
import { bindingOf } from '../../durable-objects/subscription/worker/bound-worker.ts';
import { BrokerError } from './broker-error.ts';
import { bundleWorker } from './bundle.ts';
import { buildDashboard } from './dashboard.ts';
import { claimDataFolder, type Claim } from './data-folder.ts';
import { WorkerdProcess, type RuntimeLog } from './workerd-process.ts';

export { BrokerError } from './broker-error.ts';
export type { RuntimeLog } from './workerd-process.ts';

export interface BrokerOptions {
  /** The folder that holds all data. The broker creates it if necessary. One broker at a time may use it. */
  dataPath: string;
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Another worker that exports the same classes, as one module: tests add to them. Default: that of wrangler.toml. */
  script?: string;
  /** Workers that subscriptions may push to, by name. Default: none. */
  subscribers?: Record<string, SubscriberWorker>;
  /** Whether it has a bucket for large bodies, on its disk. Default: it has. */
  objects?: boolean;
  /** Whether it has the dashboard. Default: not with a script of its own. */
  dashboard?: boolean;
  /** Where the inspector of the runtime listens; 0: any free port. Default: there is none. */
  inspectorPort?: number;
  /** Instead of those of wrangler.toml. */
  vars?: Record<string, string>;
  /** What the worker and its runtime say. Default: errors and warnings go to the console. */
  onLog?: (log: RuntimeLog) => void;
  /** workerd has ended by itself and runs again, on the same port. */
  onRestart?: () => void;
  /** workerd has ended by itself and could not be started again. The broker answers nothing more; stop it. */
  onLost?: (error: BrokerError) => void;
}

/** A Worker beside the broker, bound to it. */
export interface SubscriberWorker {
  /** One module, which exports `posthorn` (docs/push-to-workers.md). */
  script: string;
  /** Its variables. */
  vars?: Record<string, string>;
}

export interface Broker {
  /** Where clients reach it, without a slash at the end. */
  url: string;
  miniflare: Miniflare;
  /** The process id of workerd, which changes when it had to be started again. */
  readonly workerdPid: number | undefined;
  /** Runs the cron trigger, because no platform does it on this machine. */
  runCron: () => Promise<void>;
  stop: () => Promise<void>;
}

interface WranglerConfig {
  compatibility_date: string;
  compatibility_flags: string[];
  vars: Record<string, string>;
  durable_objects: { bindings: { name: string; class_name: string }[] };
  triggers: { crons: string[] };
}

/** What wrangler.toml has built into several modules; here it is one. */
const WORKER_ENTRY = 'workers/deployed.ts';

const WORKER_NAME = 'posthorn';
const HOST_DEFAULT = '127.0.0.1';

/** Throws a `BrokerError` for problems that the caller can fix: the address, the data folder. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  refuseOpenDoor(options);
  const config = await readWranglerConfig();
  let url = '';
  const onLog = options.onLog ?? logTroubles;
  const workerd = new WorkerdProcess((log) => {
    // Why it did not start is in the error of the start.
    if (url !== '' || !log.message.startsWith('*** Fatal')) onLog(log);
  });
  let claim: Claim | undefined;
  let miniflare: Miniflare | undefined;
  const stop = async (): Promise<void> => {
    // A runtime that did not start makes this fail once more.
    await miniflare?.dispose().catch(() => {});
    workerd.release();
    claim?.release();
    claim = undefined;
  };
  const tellHolder = (): void => {
    claim?.note({ pid: process.pid, url, ...(workerd.pid ? { workerdPid: workerd.pid } : {}) });
  };
  try {
    claim = claimDataFolder(resolve(options.dataPath));
    const sourceMap = options.inspectorPort !== undefined;
    const hasDashboard = options.dashboard ?? options.script === undefined;
    const [script, dashboard] = await Promise.all([
      options.script ?? bundleWorker(WORKER_ENTRY, { sourceMap }),
      hasDashboard ? buildDashboard() : null,
    ]);
    miniflare = new Miniflare({
      workers: [workerOptions(config, options, script, dashboard), ...subscriberOptions(config, options)],
      durableObjectsPersist: resolve(options.dataPath),
      r2Persist: join(resolve(options.dataPath), 'objects'),
      telemetry: { enabled: false },
      ...(options.inspectorPort !== undefined && { inspectorPort: options.inspectorPort }),
      log: new RestartFailures((error) => {
        void workerd.lastWords().then((words) => options.onLost?.(lost(error, words)));
      }),
      structuredWorkerdLogs: true,
      handleRuntimeStdio: workerd.adopt,
      unsafeHandleRuntimeRestart: () => {
        tellHolder();
        options.onRestart?.();
      },
    });
    await miniflare.ready;
    url = (await miniflare.unsafeGetDirectURL(WORKER_NAME)).href.replace(/\/$/, '');
    tellHolder();
  } catch (error) {
    const words = await workerd.lastWords();
    await stop();
    throw explain(error, words, options);
  }
  const running = miniflare;
  return {
    url,
    miniflare: running,
    get workerdPid() {
      return workerd.pid;
    },
    runCron: async () => {
      const fetcher = (await running.getWorker(WORKER_NAME)) as unknown as {
        scheduled(options: { scheduledTime: Date; cron: string }): Promise<unknown>;
      };
      await fetcher.scheduled({ scheduledTime: new Date(), cron: config.triggers.crons[0]! });
    },
    stop,
  };
}

function workerOptions(
  config: WranglerConfig,
  options: BrokerOptions,
  script: string,
  dashboard: string | null,
): WorkerOptions {
  return {
    name: WORKER_NAME,
    modules: [{ type: 'ESModule', path: 'index.mjs', contents: script }],
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    bindings: {
      ...config.vars,
      POSTHORN_WEBHOOK_TARGETS: 'any', // it can reach its own machine and network
      ...(isLoopback(options.host) && { POSTHORN_ANONYMOUS: 'loopback' }),
      ...options.vars,
    },
    ...(options.objects !== false && { r2Buckets: { OBJECTS: 'posthorn-objects' } }),
    serviceBindings: {
      ...(dashboard !== null && { DASHBOARD: { disk: { path: dashboard, writable: false } } }),
      ...Object.fromEntries(
        Object.keys(options.subscribers ?? {}).map((name) => [bindingOf(name), subscriberName(name)]),
      ),
    },
    durableObjects: Object.fromEntries(
      config.durable_objects.bindings.map(({ name, class_name: className }) => [
        name,
        { className, useSQLite: true },
      ]),
    ),
    unsafeDirectSockets: [{ host: options.host ?? HOST_DEFAULT, port: options.port ?? 0 }],
  };
}

function subscriberOptions(config: WranglerConfig, { subscribers = {} }: BrokerOptions): WorkerOptions[] {
  return Object.entries(subscribers).map(([name, { script, vars = {} }]) => ({
    name: subscriberName(name),
    modules: [{ type: 'ESModule', path: 'index.mjs', contents: script }],
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    bindings: vars,
  }));
}

const subscriberName = (name: string): string => `subscriber-${name.toLowerCase()}`;

/** Whoever reaches a broker beyond loopback could do everything if it needed no credential. */
function refuseOpenDoor({ host = HOST_DEFAULT, vars }: BrokerOptions): void {
  if (isLoopback(host) || vars?.['POSTHORN_ROOT_TOKEN']) return;
  throw new BrokerError(
    'root_token_missing',
    `${host} can be reached from other machines, and a broker that others reach needs a root token`,
  );
}

/** Returns true for an address that only this machine reaches. */
export function isLoopback(host = HOST_DEFAULT): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|\[?(?:::1|(?:0+:){7}0*1)\]?|localhost\.?)$/i.test(host);
}

async function readWranglerConfig(): Promise<WranglerConfig> {
  return parse(
    await readFile(join(import.meta.dirname, '../../wrangler.toml'), 'utf8'),
  ) as unknown as WranglerConfig;
}

function logTroubles({ level, message }: RuntimeLog): void {
  if (level === 'error' || level === 'warn') console.error(message);
}

/** Miniflare starts workerd again when it ends, and tells of a failure to do so only through its log. */
class RestartFailures extends Log {
  readonly #onFailure: (error: Error) => void;

  constructor(onFailure: (error: Error) => void) {
    super(LogLevel.NONE);
    this.#onFailure = onFailure;
  }

  override error(error: Error): void {
    if ((error as { code?: string }).code === 'ERR_RUNTIME_FAILURE') this.#onFailure(error);
  }
}

function lost(error: Error, lastWords: string): BrokerError {
  const reason = isAddressInUse(lastWords)
    ? 'another program has taken the port meanwhile'
    : firstLine(lastWords || ((error.cause ?? error) as Error).message);
  return new BrokerError('runtime_lost', `the runtime ended and could not be started again: ${reason}`, {
    cause: error,
  });
}

/** Tells what of the address is wrong, if that kept workerd from starting. */
function explain(
  cause: unknown,
  lastWords: string,
  { host = HOST_DEFAULT, port = 0 }: BrokerOptions,
): unknown {
  if (isAddressInUse(lastWords)) {
    return new BrokerError('port_taken', `port ${port} of ${host} is taken by another program`, { cause });
  }
  if (/Cannot assign requested address|DNS lookup failed/i.test(lastWords)) {
    return new BrokerError('address_unusable', `${host} is not an address of this machine`, { cause });
  }
  if (/bind.*Permission denied/i.test(lastWords)) {
    return new BrokerError('address_unusable', `this user may not listen on port ${port}`, { cause });
  }
  return cause;
}

function isAddressInUse(lastWords: string): boolean {
  return lastWords.includes('Address already in use');
}

function firstLine(text: string): string {
  return text.split('\n')[0]!;
}
