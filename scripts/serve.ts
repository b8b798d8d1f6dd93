/** `npm start`: the broker of this machine, until it is told to stop. */

import { join, resolve } from 'node:path';
import { VERSION } from '../protocol/version.ts';
import type { Broker, RuntimeLog } from './broker.ts';
import { BrokerError } from './broker-error.ts';

const USAGE = `npm start [-- --json]

  --json   one line of JSON when ready: {"url", "version", "dataPath", "pid", "workerdPid"}

  PORT           default 8787; 0 for any free port
  HOST           default 127.0.0.1
  POSTHORN_DATA  the folder that keeps the data, default .posthorn below the project
  POSTHORN_ROOT_TOKEN    asked for in every call if it is set; needed if HOST is not a loopback address
  POSTHORN_CORS_ORIGINS  origins whose pages may call, with commas between them; default none but its own
  POSTHORN_JWT           issuers whose JWTs are taken, as JSON; see docs/jwt.md`;

const PORT_DEFAULT = 8787;

/** As in wrangler.toml, if the platform does it. */
const CRON_INTERVAL_MS = 300_000;

/** The time limit of a stop, in ms: longer than a stop takes, and shorter than supervisors wait before SIGKILL. */
const STOP_MS_MAX = 5_000;

/** The number of crashes in a minute after which the broker gives up. */
const RESTARTS_MAX = 5;
const RESTARTS_WINDOW_MS = 60_000;

/** What to do about each failure to start. */
const ADVICE: Partial<Record<BrokerError['code'], (port: number) => string>> = {
  port_taken: (port) => `Choose another: PORT=${port === 65_535 ? PORT_DEFAULT : port + 1} npm start`,
  address_unusable: () => 'Choose another: HOST=127.0.0.1 PORT=8787 npm start',
  data_in_use: () => 'Stop it first, or choose another folder: POSTHORN_DATA=<folder> npm start',
  root_token_missing: () =>
    'Set one: POSTHORN_ROOT_TOKEN=<token> npm start; `openssl rand -hex 32` makes one',
  data_unusable: () => 'Choose another: POSTHORN_DATA=<folder> npm start',
};

let broker: Broker | undefined;
let cron: NodeJS.Timeout | undefined;
let isStopping = false;
const restarts: number[] = [];

// A reader of the output that leaves must not take the broker with it.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
stopOnSignals();
await main(process.argv.slice(2));

async function main(flags: string[]): Promise<void> {
  if (flags.includes('--help')) return console.log(USAGE);
  const unknown = flags.find((flag) => flag !== '--json');
  if (unknown !== undefined) return fail(`unknown option ${unknown}\n\n${USAGE}`);
  const port = readPort(process.env['PORT']);
  if (port === null) {
    return fail(`PORT is "${process.env['PORT']}", which is not a number from 0 to 65535`);
  }
  const rootToken = process.env['POSTHORN_ROOT_TOKEN'] ?? '';
  const dataPath = resolve(process.env['POSTHORN_DATA'] || join(import.meta.dirname, '../.posthorn'));
  try {
    // Not before the flags are right: the runtime takes half a second to load.
    const { startBroker } = await import('./broker.ts');
    broker = await startBroker({
      dataPath,
      port,
      host: process.env['HOST'] || '127.0.0.1',
      vars: settings(),
      onLog: showTroubles,
      onRestart: countRestart,
      onLost: ({ message }) => void stop(1, message),
    });
  } catch (error) {
    if (isStopping) return;
    if (!(error instanceof BrokerError)) throw error;
    return fail(`${error.message}.\n${ADVICE[error.code]?.(port) ?? ''}`);
  }
  stopOnSignals();
  cron = setInterval(() => void runCron(), CRON_INTERVAL_MS);
  const { url, workerdPid } = broker;
  console.log(
    flags.includes('--json')
      ? JSON.stringify({ url, version: VERSION, dataPath, pid: process.pid, workerdPid })
      : welcome(url, dataPath, rootToken !== ''),
  );
}

/** Settings of the worker that this command takes from its environment. */
function settings(): Record<string, string> {
  const names = ['POSTHORN_ROOT_TOKEN', 'POSTHORN_CORS_ORIGINS', 'POSTHORN_JWT'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
}

/** Removes other listeners: miniflare's would end the process before the broker has stopped. */
function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => void stop(0));
  }
}

function readPort(text: string | undefined): number | null {
  if (text === undefined || text === '') return PORT_DEFAULT;
  const port = Number(text);
  return /^\d+$/.test(text) && port <= 65_535 ? port : null;
}

function welcome(url: string, dataPath: string, needsToken: boolean): string {
  const topic = `${url}/v1/default/topics/hello`;
  const curl = needsToken ? 'curl -H "authorization: Bearer $POSTHORN_TOKEN"' : 'curl';
  return `Posthorn ${VERSION} listens on ${url}
and keeps its data in ${dataPath}
${needsToken ? 'Every call needs a token: the root token, or one that it makes (docs/security.md). Put it into POSTHORN_TOKEN first.' : 'Calls from this machine need no token.'}

Create a topic, produce a record, read it back:

  ${curl} -X PUT ${topic}
  ${curl} -X POST ${topic}/records -H 'content-type: application/json' -d '{"records":[{"key":"greeting","value":"hello, world"}]}'
  ${curl} '${topic}/partitions/0/records?offset=earliest'

Ctrl-C stops it.`;
}

async function runCron(): Promise<void> {
  try {
    await broker?.runCron();
  } catch (error) {
    if (!isStopping) console.error('the cron trigger failed:', error);
  }
}

function showTroubles({ level, message }: RuntimeLog): void {
  if (!isStopping && (level === 'error' || level === 'warn')) console.error(message);
}

function countRestart(): void {
  if (isStopping) return;
  const nowMs = Date.now();
  restarts.push(nowMs);
  while (restarts[0]! < nowMs - RESTARTS_WINDOW_MS) restarts.shift();
  if (restarts.length > RESTARTS_MAX) {
    void stop(1, `the runtime ended ${restarts.length} times within a minute`);
  } else {
    console.error('the runtime ended unexpectedly and was started again; what was acknowledged is kept');
  }
}

/** Once; a terminal and npm may both pass on the same Ctrl-C. */
async function stop(code: number, reason?: string): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  if (reason !== undefined) console.error(`posthorn: ${reason}`);
  clearInterval(cron);
  setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
  // Not awaited if there is nothing to stop yet: what has been started ends with this process.
  if (broker) await broker.stop();
  process.exit(code);
}

function fail(message: string): void {
  console.error(`posthorn: ${message.trim()}`);
  process.exitCode = 1;
}
