/** Peer packages: clients of peers that only a comparison needs. npm installs them into `dist/peers/clients` when they are first needed. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../dist/peers/clients');

const VERSIONS = {
  bullmq: '6.7.0',
  ioredis: '6.0.0',
  '@nats-io/jetstream': '3.4.0',
  '@nats-io/transport-node': '3.4.0',
} as const;

/** Loads a package, after npm has installed it. */
export async function peerPackage<Module>(name: keyof typeof VERSIONS): Promise<Module> {
  if (!existsSync(join(FOLDER, 'node_modules', name))) {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(join(FOLDER, 'package.json'), '{ "private": true }');
    const packages = Object.entries(VERSIONS).map(([each, version]) => `${each}@${version}`);
    const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', ...packages], {
      cwd: FOLDER,
      encoding: 'utf8',
    });
    if (npm.status !== 0) throw new Error(`npm could not install ${packages.join(' ')}\n${npm.stderr}`);
  }
  return createRequire(join(FOLDER, 'package.json'))(name) as Module;
}
