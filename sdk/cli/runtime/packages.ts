/**
 * Runtime packages: miniflare with workerd, which run a broker on this machine, wrangler, which deploys one, what
 * talks to PostgreSQL, and a Node that is new enough. The package does not bring them, because most who install it need the client only. They are taken from the
 * project, or else installed once into the cache folder of the user.
 */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Failure } from '../failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type PackageName = 'miniflare' | 'wrangler' | 'node' | 'pg' | 'pg-logical-replication';

export interface RuntimeOptions {
  /** Where a project is looked for that has the packages. */
  readonly folder: string;
  readonly env: Environment;
  /** Told before something is installed, which takes a while. */
  readonly say: (text: string) => unknown;
}

export interface Runtime {
  /** What `import` takes for miniflare. */
  readonly miniflare: string;
  /** The path of a Node that can run it. */
  readonly node: string;
}

/** The oldest Node that has `node:sqlite` without a flag. */
const NODE_MIN = [22, 13] as const;

const OUTPUT_LINES_MAX = 20;

export async function needRuntime(options: RuntimeOptions): Promise<Runtime> {
  const isOldNode = !isNodeNewEnough(process.versions.node);
  const miniflare = inProject('miniflare', options);
  const names: PackageName[] = [
    ...(miniflare ? [] : ['miniflare' as const]),
    ...(isOldNode ? ['node' as const] : []),
  ];
  if (names.length === 0) return { miniflare: pathToFileURL(miniflare!).href, node: process.execPath };
  const folder = await installed('runtime', names, options);
  return {
    miniflare: pathToFileURL(miniflare ?? resolveFrom(folder, 'miniflare')!).href,
    node: isOldNode
      ? join(folder, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node')
      : process.execPath,
  };
}

/** Returns the path of wrangler's command, and of a Node that can run it. */
export async function needWrangler(options: RuntimeOptions): Promise<{ wrangler: string; node: string }> {
  const isOldNode = !isNodeNewEnough(process.versions.node);
  const names: PackageName[] = ['wrangler', ...(isOldNode ? ['node' as const] : [])];
  const own = isOldNode ? undefined : inProject('wrangler', options);
  if (own !== undefined) return { wrangler: join(own, '../../bin/wrangler.js'), node: process.execPath };
  const folder = await installed('wrangler', names, options);
  return {
    wrangler: join(folder, 'node_modules/wrangler/bin/wrangler.js'),
    node: isOldNode ? join(folder, 'node_modules/node/bin/node') : process.execPath,
  };
}

/** Returns the paths of the packages that talk to PostgreSQL. */
export async function needPostgres(options: RuntimeOptions): Promise<{ pg: string; replication: string }> {
  const [pg, replication] = [inProject('pg', options), inProject('pg-logical-replication', options)];
  if (pg !== undefined && replication !== undefined) return { pg, replication };
  const folder = await installed('postgres', ['pg', 'pg-logical-replication'], options);
  return { pg: resolveFrom(folder, 'pg')!, replication: resolveFrom(folder, 'pg-logical-replication')! };
}

export function isNodeNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
}

/** The versions that the package was built with. In a checkout they are those of package.json. */
function versions(): Record<PackageName, string> {
  const built = join(import.meta.dirname, 'runtime.json');
  if (existsSync(built)) return JSON.parse(readFileSync(built, 'utf8')) as Record<PackageName, string>;
  const manifest = readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8');
  return (JSON.parse(manifest) as { devDependencies: Record<PackageName, string> }).devDependencies;
}

/** Only of the same major version: another may not know the options. */
function inProject(name: PackageName, { folder }: RuntimeOptions): string | undefined {
  for (const from of [folder, import.meta.dirname]) {
    const path = resolveFrom(from, name);
    if (path !== undefined && majorOf(versionAt(path, name)) === majorOf(versions()[name])) return path;
  }
  return undefined;
}

function resolveFrom(folder: string, name: string): string | undefined {
  try {
    return createRequire(join(folder, 'package.json')).resolve(name);
  } catch {
    return undefined;
  }
}

function versionAt(path: string, name: string): string {
  const end = path.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length;
  try {
    return (JSON.parse(readFileSync(join(path.slice(0, end), 'package.json'), 'utf8')) as { version: string })
      .version;
  } catch {
    return '';
  }
}

const majorOf = (version: string): string => version.split('.')[0]!;

export function cacheFolder(env: Environment): string {
  const base = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  return join(base, 'posthorn');
}

/** Installs exact versions into a folder that is named after them. Two that install at once do not disturb each other. */
async function installed(
  kind: string,
  names: readonly PackageName[],
  { env, say }: RuntimeOptions,
): Promise<string> {
  const wanted = names.map((name) => `${name}@${versions()[name]}`);
  const folder = join(cacheFolder(env), `${kind}-${wanted.join('-').replaceAll('@', '-')}`);
  if (existsSync(join(folder, 'done'))) return folder;
  await say(`Installing ${wanted.join(' and ')} into ${folder}, this once ...`);
  const fresh = `${folder}.${process.pid}`;
  await mkdir(fresh, { recursive: true });
  await writeFile(join(fresh, 'package.json'), '{ "private": true }\n');
  await npmInstall(fresh, wanted, env);
  await writeFile(join(fresh, 'done'), '');
  try {
    await rename(fresh, folder);
  } catch {
    // Another was faster, or an earlier attempt left a part.
    if (existsSync(join(folder, 'done'))) await rm(fresh, { recursive: true, force: true });
    else {
      await rm(folder, { recursive: true, force: true });
      await rename(fresh, folder);
    }
  }
  return folder;
}

async function npmInstall(folder: string, wanted: readonly string[], env: Environment): Promise<void> {
  const args = ['install', '--save-exact', '--no-audit', '--no-fund', '--no-progress', ...wanted];
  const child = spawn('npm', args, {
    cwd: folder,
    env,
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Uint8Array) => said.push(String(chunk)));
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      said.push(error.message);
      resolve(1);
    });
    child.on('close', resolve);
  });
  if (code === 0) return;
  const lines = said
    .join('')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('npm warn'));
  await rm(folder, { recursive: true, force: true });
  throw new Failure('failed', `npm could not install ${wanted.join(' and ')}`, {
    code: 'install_failed',
    advice: [
      ...lines.slice(0, OUTPUT_LINES_MAX),
      'Is the network there? Or install it in your project: npm install --save-dev miniflare',
    ],
  });
}
