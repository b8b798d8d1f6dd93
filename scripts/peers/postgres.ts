/** A PostgreSQL server of its own, on loopback, in a folder of its own: for what Posthorn captures changes from. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

/** Where Debian has it. */
const VERSIONS = '/usr/lib/postgresql';
const START_MS_MAX = 30_000;

/** The folder of the programs of the newest version; null: it is not installed. */
export async function postgresPrograms(): Promise<string | null> {
  if (!existsSync(VERSIONS)) return null;
  const newest = (await readdir(VERSIONS)).sort((a, b) => Number(a) - Number(b)).at(-1);
  return newest === undefined ? null : join(VERSIONS, newest, 'bin');
}

export class Postgres {
  readonly #programs: string;
  readonly #folder: string;
  readonly #user: { uid?: number; gid?: number };
  readonly #port: number;
  #server: ChildProcess | null = null;

  private constructor(programs: string, folder: string, user: { uid?: number; gid?: number }, port: number) {
    this.#programs = programs;
    this.#folder = folder;
    this.#user = user;
    this.#port = port;
  }

  /** @param folder must not exist */
  static async start(programs: string, folder: string): Promise<Postgres> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // It refuses to run as root.
    const user: { uid?: number; gid?: number } = process.getuid?.() === 0 ? await userNamed('postgres') : {};
    if (user.uid !== undefined) await chown(folder, user.uid, user.gid!);
    const options = { ...user, cwd: '/' };
    await run(
      join(programs, 'initdb'),
      ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'],
      options,
    );
    const postgres = new Postgres(programs, folder, user, await freePort());
    await postgres.restart();
    return postgres;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.#port}/postgres`;
  }

  async restart(): Promise<void> {
    const settings = {
      port: this.#port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.#folder,
      wal_level: 'logical',
      shared_buffers: '32MB',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const options = { ...this.#user, cwd: '/', stdio: 'ignore' } as const;
    this.#server = spawn(join(this.#programs, 'postgres'), ['-D', this.#folder, ...args], options);
    for (const endMs = Date.now() + START_MS_MAX; ;) {
      const client = new pg.Client({ connectionString: this.url });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.end();
        return;
      } catch (error) {
        if (Date.now() > endMs) throw error;
        await delay(50);
      }
    }
  }

  /** As a crash: all processes of the server end at once, and it recovers at the next start. */
  async crash(): Promise<void> {
    await this.#end('SIGQUIT');
  }

  async stop(): Promise<void> {
    await this.#end('SIGINT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  }
}

async function userNamed(name: string): Promise<{ uid: number; gid: number }> {
  const idOf = async (option: string): Promise<number> => Number((await run('id', [option, name])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}
