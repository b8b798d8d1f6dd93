/**
 * The code of the product, made ready to be run on simulated machines: once for all what is pure (protocol, core, packages),
 * and anew for each machine what keeps state in its modules (workers) or asks for the time (durable-objects).
 *
 * Both are functions that take their globals as parameters, so that the clock, chance, timers and requests that the code
 * sees are the simulation's, and nothing outside of it changes.
 */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { compileFunction } from 'node:vm';
import { build as esbuild, type Plugin } from 'esbuild';

const ROOT = join(import.meta.dirname, '../../..');
const LIBRARY = 'library:';

/** A change of the source: what a mutant is made of. */
export interface Patch {
  /** Path from the root. */
  file: string;
  /** Must be there once. */
  find: string;
  replace: string;
}

type Modules = Record<string, unknown>;
export type Globals = Record<string, unknown>;

export interface ProductCode {
  /** Runs the code of a machine; gives what workers/index.ts exports. */
  start(globals: Globals): Modules;
}

const nodeRequire = createRequire(import.meta.url);
const builds = new Map<string, Promise<ProductCode>>();

/**
 * @param shared what the pure code sees instead of the platform's own
 * @param names of the globals that `start` will be given
 */
export function productCode(
  shared: Globals,
  names: readonly string[],
  patches: readonly Patch[],
): Promise<ProductCode> {
  const key = JSON.stringify(patches);
  let code = builds.get(key);
  if (!code) builds.set(key, (code = buildCode(shared, names, patches)));
  return code;
}

async function buildCode(
  shared: Globals,
  names: readonly string[],
  patches: readonly Patch[],
): Promise<ProductCode> {
  const libraries = new Set<string>();
  const machine = await bundled({ entryPoints: ['workers/index.ts'] }, [
    librariesApart(libraries),
    patched(patches),
  ]);
  const imports = [...libraries].map(
    (name, index) => `import * as m${index} from ${JSON.stringify(importOf(name))};`,
  );
  const members = [...libraries].map((name, index) => `${JSON.stringify(name)}: m${index}`);
  const contents = `${imports.join('\n')}\nexport const modules = {${members.join(', ')}};`;
  const library = await bundled({ stdin: { contents, resolveDir: ROOT, loader: 'ts' } }, [patched(patches)]);
  const { modules } = run(library, shared, (name) => nodeRequire(name) as unknown) as { modules: Modules };
  const parameters = ['require', 'module', 'exports', ...names];
  const compiled = compileFunction(machine, parameters, { filename: 'machine.js' }) as (
    ...values: unknown[]
  ) => void;
  return {
    start: (globals) => {
      const module = { exports: {} as Modules };
      const load = (name: string): unknown => {
        if (name.startsWith(LIBRARY)) return modules[name.slice(LIBRARY.length)];
        return name === 'cloudflare:workers' ? globals['platform'] : (nodeRequire(name) as unknown);
      };
      compiled(load, module, module.exports, ...names.map((name) => globals[name]));
      return module.exports;
    },
  };
}

async function bundled(entry: Parameters<typeof esbuild>[0], plugins: Plugin[]): Promise<string> {
  const { outputFiles } = await esbuild({
    ...entry,
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import'],
    target: 'esnext',
    external: ['cloudflare:workers', 'node:*'],
    plugins,
    logLevel: 'error',
  });
  return outputFiles![0]!.text;
}

function run(code: string, globals: Globals, load: (name: string) => unknown): unknown {
  const module = { exports: {} };
  const names = Object.keys(globals);
  const compiled = compileFunction(code, ['require', 'module', 'exports', ...names], {
    filename: 'library.js',
  });
  (compiled as (...values: unknown[]) => void)(
    load,
    module,
    module.exports,
    ...names.map((name) => globals[name]),
  );
  return module.exports;
}

const importOf = (name: string): string => (/^(protocol|core)\//.test(name) ? `./${name}` : name);

/** Leaves out what is pure, and notes its names. */
function librariesApart(names: Set<string>): Plugin {
  return {
    name: 'libraries-apart',
    setup(build) {
      build.onResolve({ filter: /.*/ }, async ({ path, kind, resolveDir, pluginData }) => {
        if (kind === 'entry-point' || pluginData === 'asked' || path.includes(':')) return null;
        if (!path.startsWith('.')) {
          // Packages that build on the platform have to see that of their machine.
          if (path.startsWith('itty-durable')) return null;
          names.add(path);
          return { path: `${LIBRARY}${path}`, external: true };
        }
        const found = await build.resolve(path, { resolveDir, kind, pluginData: 'asked' });
        const name = relative(ROOT, found.path).replaceAll('\\', '/');
        if (!/^(protocol|core)\//.test(name)) return null;
        names.add(name);
        return { path: `${LIBRARY}${name}`, external: true };
      });
    },
  };
}

function patched(patches: readonly Patch[]): Plugin {
  return {
    name: 'patched',
    setup(build) {
      if (patches.length === 0) return;
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const name = relative(ROOT, path).replaceAll('\\', '/');
        const own = patches.filter(({ file }) => file === name);
        if (own.length === 0) return null;
        let contents = await readFile(path, 'utf8');
        for (const { find, replace } of own) {
          if (contents.split(find).length !== 2) throw new Error(`a mutant expects once in ${name}: ${find}`);
          contents = contents.replace(find, () => replace);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
}
