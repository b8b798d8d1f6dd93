/**
 * `npm run build`: the package in `dist/`, which `npm pack` packs.
 *
 *     index.js        the SDK, for every platform
 *     codecs.js       the codecs that readers of what Kafka's clients have compressed need
 *     subscriber.js   what a Worker takes pushes of a subscription with
 *     worker.js       the classes of the objects and the handler, to put into a Worker of one's own
 *     worker/         the same as `posthorn deploy` uploads it
 *     testing.js      a broker in a test
 *     cli.js          the command
 *     gateway.js      what `posthorn gateway` runs, and `posthorn dev` beside its broker
 *     broker/local/   what `posthorn dev` runs: serve.js, testing's broker.js, and the bundled worker
 *     dashboard/      what the broker shows in a browser
 *     wrangler.toml   the bindings and migrations of the worker
 *     types/          declarations
 *
 * All packages that the code uses are in the bundles, so that an installation has no dependencies. The runtime is installed
 * when it is first needed (sdk/cli/runtime).
 */

import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { buildDashboard } from '../broker/dashboard.ts';
import { buildWorker, WORKER_BUILD, WORKER_ENTRY } from '../broker/deployed-worker.ts';

const ROOT = join(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');

const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
};

/** Packages whose code is in the bundles. */
const BUNDLED = [
  '@preact/signals',
  '@preact/signals-core',
  'croner',
  'hono',
  'itty-durable',
  'jose',
  'preact',
  'smol-toml',
  'zod',
];

const SHIMS = {
  inject: ['scripts/package/build-shims.ts'],
  define: { 'Promise.withResolvers': 'withResolvers', 'Map.groupBy': 'groupBy' },
} satisfies BuildOptions;

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/** Replaces what the repository does at run time by what the package brings. */
const builtParts: Plugin = {
  name: 'built-parts',
  setup(builder) {
    builder.onResolve({ filter: /\/bundle\.ts$/ }, () => ({
      path: join(ROOT, 'scripts/package/built-bundle.ts'),
    }));
    builder.onResolve({ filter: /\/dashboard\.ts$/ }, () => ({
      path: join(ROOT, 'scripts/package/built-dashboard.ts'),
    }));
    builder.onResolve({ filter: /^miniflare$/ }, () => ({
      path: join(ROOT, 'scripts/package/built-miniflare.ts'),
    }));
    builder.onResolve({ filter: /\/broker\.ts$/ }, ({ importer }) =>
      importer.endsWith('testing.ts') ? { path: './broker/local/broker.js', external: true } : undefined,
    );
    // One class of errors for `posthorn` and `posthorn/testing`.
    builder.onResolve({ filter: /\/sdk\/index\.ts$/ }, () => ({ path: './index.js', external: true }));
  },
};

const withoutAmqp: Plugin = {
  name: 'without-amqp',
  setup(builder) {
    builder.onResolve({ filter: /\/accept-amqp\.ts$/ }, () => ({
      path: join(ROOT, 'scripts/package/built-amqp.ts'),
    }));
  },
};

await mkdir(DIST, { recursive: true });
await removeOlder();
await mkdir(join(DIST, 'broker/local'), { recursive: true });
await Promise.all([
  build({
    ...COMMON,
    ...SHIMS,
    entryPoints: ['sdk/index.ts'],
    outfile: 'dist/index.js',
    platform: 'neutral',
  }),
  build({
    ...COMMON,
    ...SHIMS,
    entryPoints: ['sdk/codecs.ts'],
    outfile: 'dist/codecs.js',
    platform: 'neutral',
  }),
  build({
    ...COMMON,
    ...SHIMS,
    entryPoints: ['sdk/subscriber.ts'],
    outfile: 'dist/subscriber.js',
    platform: 'neutral',
  }),
  // Not folded: as one module it would hold the values and what they are made of.
  build({
    ...WORKER_BUILD,
    plugins: [withoutAmqp],
    entryPoints: ['workers/index.ts'],
    outfile: 'dist/worker.js',
    minifySyntax: true, // names stay, for the stacks of errors
  }),
  buildWorker(join(DIST, 'worker')),
  build({
    ...WORKER_BUILD,
    entryPoints: [WORKER_ENTRY],
    outfile: 'dist/broker/local/worker.mjs',
    minify: true,
  }),
  build({
    ...COMMON,
    ...SHIMS,
    entryPoints: ['sdk/cli/main.ts'],
    outfile: 'dist/cli.js',
    platform: 'node',
    minifySyntax: true,
  }),
  build({
    ...COMMON,
    ...SHIMS,
    entryPoints: ['gateway/main.ts'],
    outfile: 'dist/gateway.js',
    platform: 'node',
    minifySyntax: true,
  }),
  build({
    ...COMMON,
    ...SHIMS,
    // As deep as in the repository, because the broker looks for wrangler.toml two folders up.
    entryPoints: { serve: 'scripts/serve.ts', broker: 'scripts/broker/broker.ts' },
    outdir: 'dist/broker/local',
    platform: 'node',
    splitting: true,
    plugins: [builtParts],
  }),
  build({
    ...COMMON,
    ...SHIMS,
    entryPoints: ['scripts/package/testing.ts'],
    outfile: 'dist/testing.js',
    platform: 'node',
    external: ['posthorn'],
    plugins: [builtParts],
  }),
  buildDashboard(),
  writeTypes(),
]);
await chmod(join(DIST, 'cli.js'), 0o755);
await nameModulesShort(join(DIST, 'worker.js'));
await writeFile(join(DIST, 'wrangler.toml'), await wranglerConfig());
await writeFile(join(DIST, 'worker.d.ts'), await workerTypes());
await writeFile(join(DIST, 'THIRD-PARTY-LICENSES.txt'), await licenses());
const { miniflare, wrangler, node, pg, 'pg-logical-replication': replication } = manifest.devDependencies;
await writeFile(
  join(DIST, 'runtime.json'),
  `${JSON.stringify({ miniflare, wrangler, node, pg, 'pg-logical-replication': replication })}\n`,
);

/** Declarations of what the entries export, and of nothing else. */
async function writeTypes(): Promise<void> {
  const config = join(ROOT, 'tsconfig.build.json');
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', config]);
  const all = join(DIST, 'types');
  const wanted = new Set<string>();
  const open = ['sdk/index.d.ts', 'sdk/codecs.d.ts', 'sdk/subscriber.d.ts', 'scripts/package/testing.d.ts'];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (wanted.has(path)) continue;
    wanted.add(path);
    const text = (await readFile(join(all, path), 'utf8')).replace(
      /((?:from|import)\s*\(?\s*')(\.[^']*)\.ts'/g,
      (_, before: string, file: string) => `${before}${file}.js'`,
    );
    await writeFile(join(all, path), text);
    for (const [, file = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)\.js'/g)) {
      open.push(`${posix.join(posix.dirname(path), file)}.d.ts`);
    }
  }
  for (const path of await readdir(all, { recursive: true })) {
    if (path.endsWith('.d.ts') && !wanted.has(path.replaceAll('\\', '/'))) await rm(join(all, path));
  }
}

/** What earlier builds have left, but for the dashboard: brokers that run show it, and each of its files is replaced when it is whole. */
async function removeOlder(): Promise<void> {
  for (const name of await readdir(DIST)) {
    if (!/^\.?dashboard/.test(name)) await rm(join(DIST, name), { recursive: true, force: true });
  }
}

/** The paths of modules that are evaluated later. Nobody sees them but the stacks of errors, which have the names of functions too. */
async function nameModulesShort(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/(?<=__esm\(\{\n {2})"[^"\n]+"(?=\(\) \{\n)/g, 'm'));
}

/**
 * For a Worker of one's own, which wrangler bundles, and without the dashboard. `posthorn deploy` adds the files of the package.
 */
async function wranglerConfig(): Promise<string> {
  const text = await readFile(join(ROOT, 'wrangler.toml'), 'utf8');
  return text.replace(
    /^# Built by the command below[^]*?\n\[assets\]\n[^]*?\n\n/m,
    'minify = true\nkeep_names = false\nupload_source_maps = true\n\n',
  );
}

/** The classes as a Worker names them. What is in them is nobody's business but the broker's. */
async function workerTypes(): Promise<string> {
  const entry = await readFile(join(ROOT, 'workers/index.ts'), 'utf8');
  const classes = [...entry.matchAll(/^export \{ ([A-Z]\w+) \} from/gm)].map(([, name]) => name!);
  return [
    '/** The broker as a Worker: its handler, and the classes of its Durable Objects. wrangler.toml beside this file binds them. */',
    '',
    '/** A Durable Object of the broker. */',
    'declare abstract class BrokerObject {',
    '  constructor(state: unknown, env: unknown);',
    '}',
    '',
    ...classes.map((name) => `export declare class ${name} extends BrokerObject {}`),
    '',
    'declare const handler: {',
    '  fetch(request: Request, env: object, context: object): Promise<Response>;',
    '  scheduled(controller: { readonly scheduledTime: number }, env: object): Promise<void>;',
    '};',
    'export default handler;',
    '',
  ].join('\n');
}

async function licenses(): Promise<string> {
  const texts = BUNDLED.map(async (name) => {
    const folder = join(ROOT, 'node_modules', name);
    const file = (await readdir(folder)).find((each) => /^licen[sc]e/i.test(each));
    const text = file === undefined ? `${name}: see its package` : await readFile(join(folder, file), 'utf8');
    return `${name}\n${'='.repeat(name.length)}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join('\n\n');
}
