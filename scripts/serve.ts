/** `npm start`: the broker of this machine, until it is told to stop. */

import { join, resolve } from 'node:path';
import { VERSION } from '../protocol/version.ts';
import type { Broker, RuntimeLog } from './broker/broker.ts';
import { BrokerError } from './broker/broker-error.ts';
import { startGateway, type Gateway, type GatewayProtocol } from './broker/gateway.ts';

const USAGE = `npm start [-- --json]

  --json   one line of JSON when ready: {"url", "version", "dataPath", "pid", "workerdPid"}

  PORT           default 8787; 0 for any free port
  HOST           default 127.0.0.1
  POSTHORN_DATA  the folder that keeps the data, default .posthorn below the project
  POSTHORN_AMQP_PORT     where AMQP clients find it on this machine, default 5672; 0 for none
  POSTHORN_KAFKA_PORT    where Kafka clients find it on this machine, default 9092; 0 for none
  POSTHORN_ROOT_TOKEN    asked for in every call if it is set; needed if HOST is not a loopback address
  POSTHORN_CORS_ORIGINS  origins whose pages may call, with commas between them; default none but its own
  POSTHORN_JWT           issuers whose JWTs are taken, as JSON; see docs/jwt.md`;

const PORT_DEFAULT = 8787;
/** The protocols that have a port of their own, each with its variable and the default. */
const GATEWAYS: [GatewayProtocol, variable: string, portDefault: number][] = [
  ['AMQP', 'POSTHORN_AMQP_PORT', 5672],
  ['Kafka', 'POSTHORN_KAFKA_PORT', 9092],
];

/** As in wrangler.toml, if the platform does it. */
const CRON_INTERVAL_MS = 300_000;

/** The time limit of a stop, in ms: longer than a stop takes, and shorter than supervisors wait before SIGKILL. */
const STOP_MS_MAX = 5_000;

/** The number of crashes in a minute after which the broker gives up. */
const RESTARTS_MAX = 5;
const RESTARTS_WINDOW_MS = 60_000;

/** The command that has started this one, as people call it; settings are then its flags. */
const COMMAND = process.env['POSTHORN_COMMAND'];

/** What to do about each failure to start. */
const ADVICE: Partial<Record<BrokerError['code'], (port: number) => string>> = {
  port_taken: (port) =>
    `Choose another: ${withSettings({ PORT: port === 65_535 ? PORT_DEFAULT : port + 1 })}`,
  address_unusable: () => `Choose another: ${withSettings({ HOST: '127.0.0.1', PORT: 8787 })}`,
  data_in_use: () =>
    `Stop it first, or choose another folder: ${withSettings({ POSTHORN_DATA: '<folder>' })}`,
  root_token_missing: () =>
    `Set one: POSTHORN_ROOT_TOKEN=<token> ${COMMAND ?? 'npm start'}; \`openssl rand -hex 32\` makes one`,
  data_unusable: () => `Choose another: ${withSettings({ POSTHORN_DATA: '<folder>' })}`,
};

/** The command with other settings, as somebody would type it. */
function withSettings(settings: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(settings);
  if (COMMAND === undefined)
    return [...pairs.map(([name, value]) => `${name}=${value}`), 'npm start'].join(' ');
  const flags = pairs.map(([name, value]) => `--${name.replace('POSTHORN_', '').toLowerCase()} ${value}`);
  return [COMMAND, ...flags].join(' ');
}

let broker: Broker | undefined;
let gateways: Gateway[] = [];
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
  const port = readPort(process.env['PORT'], PORT_DEFAULT);
  if (port === null) {
    return fail(`PORT is "${process.env['PORT']}", which is not a number from 0 to 65535`);
  }
  const wrong = GATEWAYS.find(([, variable]) => readPort(process.env[variable], 0) === null)?.[1];
  if (wrong !== undefined) {
    return fail(`${wrong} is "${process.env[wrong]}", which is not a number from 0 to 65535`);
  }
  const rootToken = process.env['POSTHORN_ROOT_TOKEN'] ?? '';
  const dataPath = resolve(process.env['POSTHORN_DATA'] || join(import.meta.dirname, '../.posthorn'));
  try {
    // Not before the flags are right: the runtime takes half a second to load.
    const { startBroker } = await import('./broker/broker.ts');
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
  gateways = GATEWAYS.flatMap(([protocol, variable, portDefault]) => {
    const gatewayPort = readPort(process.env[variable], portDefault)!;
    if (gatewayPort === 0) return [];
    return [
      startGateway(protocol, url, gatewayPort, {
        tell: (line) => flags.includes('--json') || console.log(`\n${line}`),
        warn: (line) =>
          isStopping || console.error(`posthorn: ${line}; ${variable} chooses another port, 0 none`),
      }),
    ];
  });
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

function readPort(text: string | undefined, otherwise: number): number | null {
  if (text === undefined || text === '') return otherwise;
  const port = Number(text);
  return /^\d+$/.test(text) && port <= 65_535 ? port : null;
}

function welcome(url: string, dataPath: string, needsToken: boolean): string {
  if (COMMAND !== undefined) return welcomeOfCommand(url, dataPath, needsToken);
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

function welcomeOfCommand(url: string, dataPath: string, needsToken: boolean): string {
  const other = url === `http://127.0.0.1:${PORT_DEFAULT}` ? '' : `  export POSTHORN_URL=${url}\n`;
  const token = needsToken ? '  export POSTHORN_TOKEN=<the root token, or one that it makes>\n' : '';
  return `Posthorn ${VERSION} listens on ${url}
and keeps its data in ${dataPath}

In another terminal, create a topic, produce a record, read it back:

${other}${token}  posthorn topics create hello
  echo "hello, world" | posthorn produce hello
  posthorn tail hello

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
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  // Not awaited if there is nothing to stop yet: what has been started ends with this process.
  if (broker) await broker.stop();
  process.exit(code);
}

function fail(message: string): void {
  console.error(`posthorn: ${message.trim()}`);
  process.exitCode = 1;
}
