/** Redis peer: a Redis that syncs each write. Wants `apt-get install redis-server`. */

import { spawnSync } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, LOOPBACK, startPeer } from './peer-process.ts';

export interface Redis {
  host: string;
  port: number;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** The version of the server that is installed; null: there is none. */
export function redisVersion(): string | null {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return /v=(\S+)/.exec(stdout ?? '')?.[1] ?? null;
}

export async function startRedis(): Promise<Redis> {
  const home = await mkdtemp(join(tmpdir(), 'posthorn-redis-'));
  const [port] = await freePorts(1);
  const settings = {
    port,
    bind: LOOPBACK,
    dir: home,
    appendonly: 'yes',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return { host: LOOPBACK, port: port!, stop: await startPeer('redis-server', args, { port: port!, home }) };
}
