/**
 * NATS peer: a NATS server with JetStream that syncs each write. Wants `nats-server` in the path, as
 * `go install github.com/nats-io/nats-server/v2@latest` makes it.
 */

import { spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, LOOPBACK, startPeer } from './peer-process.ts';

export interface Nats {
  /** `127.0.0.1:<port>` */
  server: string;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** The version of the server that is installed; null: there is none. */
export function natsVersion(): string | null {
  const { stdout } = spawnSync('nats-server', ['--version'], { encoding: 'utf8' });
  return /v(\d\S*)/.exec(stdout ?? '')?.[1] ?? null;
}

export async function startNats(): Promise<Nats> {
  const home = await mkdtemp(join(tmpdir(), 'posthorn-nats-'));
  const [port] = await freePorts(1);
  const config = `jetstream { store_dir: ${JSON.stringify(home)}, sync_interval: always }\n`;
  await writeFile(join(home, 'nats.conf'), config);
  const args = ['--addr', LOOPBACK, '--port', String(port), '--config', join(home, 'nats.conf')];
  const stop = await startPeer('nats-server', args, { port: port!, home });
  return { server: `${LOOPBACK}:${port}`, stop };
}
