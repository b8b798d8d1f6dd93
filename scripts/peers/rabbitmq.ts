/**
 * RabbitMQ peer: a RabbitMQ to compare with: Debian's `rabbitmq-server` with ports, node name, cookie and data
 * directory of its own, so that it disturbs no other on the machine. Everything that it opens listens on loopback only,
 * because its user is `guest` with a password that everybody knows. Run as a program it stays until Ctrl-C:
 *
 *   npm run peer:rabbitmq
 *   npm run peer:rabbitmq -- rabbitmq_management
 *
 * Wants `apt-get install rabbitmq-server`.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, freePorts, isListening, LOOPBACK as HOST } from './peer-process.ts';
import { checkPlugins, configOf, listeners } from './rabbitmq-config.ts';

/** The start script itself: the one in /usr/sbin wants to become the user `rabbitmq`. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export interface RabbitmqOptions {
  /** Default none. Those of `rabbitmq-config.ts` only. */
  plugins?: string[];
}

export interface Rabbitmq {
  /** `amqp://guest:guest@127.0.0.1:<port>` */
  url: string;
  /** Those of the plugins, in their order. */
  pluginPorts: readonly number[];
  /** The process id of the server, for measuring. */
  pid: number;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

export async function startRabbitmq({ plugins = [] }: RabbitmqOptions = {}): Promise<Rabbitmq> {
  if (!existsSync(SERVER)) throw new Error(`${SERVER} is missing: apt-get install rabbitmq-server`);
  checkPlugins(plugins);
  const home = await mkdtemp(join(tmpdir(), 'posthorn-rabbitmq-'));
  const [amqpPort, distributionPort, epmdPort, ...pluginPorts] = await freePorts(3 + plugins.length);
  await writeFile(join(home, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
  await writeFile(join(home, 'rabbitmq.conf'), configOf(listeners(plugins, pluginPorts)));
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: HOST,
    RABBITMQ_NODENAME: `posthorn-${amqpPort}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: HOST,
    RABBITMQ_NODE_PORT: String(amqpPort),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
  // Erlang would start its port mapper as a daemon that outlives it; this one is ours to end.
  const epmd = spawn('epmd', ['-port', String(epmdPort), '-address', HOST], { env, stdio: 'ignore' });
  await isListening(epmdPort!, epmd);
  const server = spawn(SERVER, { env, cwd: home, stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = async (): Promise<void> => {
    await end(server);
    await end(epmd);
    await rm(home, { recursive: true, force: true });
  };
  try {
    await isListening(amqpPort!, server);
  } catch (error) {
    const log = await readFile(join(home, 'log', `${env.RABBITMQ_NODENAME}.log`), 'utf8').catch(() => '');
    await stop();
    throw new Error(`RabbitMQ did not start\n${log.slice(-2_000)}`, { cause: error });
  }
  return { url: `amqp://guest:guest@${HOST}:${amqpPort}`, pluginPorts, pid: server.pid!, stop };
}

if (import.meta.main) {
  const rabbitmq = await startRabbitmq({ plugins: process.argv.slice(2) });
  console.log(rabbitmq.url);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await rabbitmq.stop();
}
