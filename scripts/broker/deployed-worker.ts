/**
 * The worker as it is deployed, in `dist/worker/`: `index.mjs`, which an isolate evaluates when it starts, and modules beside it, which
 * it evaluates when it first needs one of them.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { rowsOf } from '../../protocol/operations/call-rows.ts';
import { calls } from '../../protocol/operations/calls.ts';

const ROOT = join(import.meta.dirname, '../..');

export const WORKER_ENTRY = 'workers/deployed.ts';

/** Replaces the modules whose values are known when the worker is built. */
export const foldedModules: Plugin = {
  name: 'folded-modules',
  setup(builder) {
    builder.onLoad({ filter: /[\\/]protocol[\\/]operations[\\/]calls\.ts$/ }, () => ({
      contents: `import { callsOf } from './call-rows.ts';
export const calls = callsOf(${JSON.stringify(rowsOf(calls))});`,
      resolveDir: join(ROOT, 'protocol/operations'),
      loader: 'js',
    }));
    // A Worker is not Node.
    builder.onLoad({ filter: /[\\/]sdk[\\/]client[\\/]sockets[\\/]node-socket\.ts$/ }, () => ({
      contents: 'export const nodeSocket = null;',
    }));
    builder.onLoad({ filter: /[\\/]sdk[\\/]client[\\/]http[\\/]node-exchange\.ts$/ }, () => ({
      contents: 'export const nodeExchange = null;',
    }));
  },
};

export const WORKER_BUILD = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'esm',
  target: 'es2024',
  conditions: ['workerd', 'worker', 'browser'],
  external: ['cloudflare:*', 'node:*'],
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [foldedModules],
} satisfies BuildOptions;

/** Sizes in bytes. */
export interface WorkerSize {
  /** Of the modules that an isolate evaluates when it starts. */
  readonly start: number;
  readonly all: number;
  readonly modules: number;
}

/** @param sourceMaps which wrangler uploads, for the stacks of errors */
export async function buildWorker(folder: string, { sourceMaps = false } = {}): Promise<WorkerSize> {
  await rm(folder, { recursive: true, force: true });
  const { metafile } = await build({
    ...WORKER_BUILD,
    entryPoints: { index: WORKER_ENTRY },
    outdir: folder,
    outExtension: { '.js': '.mjs' }, // wrangler takes these for modules
    chunkNames: '[hash]', // some 1,800 imports say them; stacks have the names of the source maps
    splitting: true,
    minify: true,
    sourcemap: sourceMaps && 'linked',
    metafile: true,
  });
  return sizeOf(metafile);
}

/** Returns the sizes of the modules of a build. */
function sizeOf({ outputs }: Metafile): WorkerSize {
  const modules = Object.entries(outputs).filter(([path]) => path.endsWith('.mjs'));
  const entry = modules.find(([, { entryPoint }]) => entryPoint === WORKER_ENTRY)!;
  const open = [entry[0]];
  const started = new Set(open);
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const imported of outputs[path]!.imports) {
      if (imported.kind !== 'import-statement' || imported.external || started.has(imported.path)) continue;
      started.add(imported.path);
      open.push(imported.path);
    }
  }
  const bytes = (paths: Iterable<string>): number =>
    [...paths].reduce((sum, path) => sum + outputs[path]!.bytes, 0);
  return { start: bytes(started), all: bytes(modules.map(([path]) => path)), modules: modules.length };
}
