/**
 * The code of the product, made ready to be run on simulated machines: once for all what is pure (protocol, core, packages),
 * and anew for each machine what keeps state in its modules (workers) or asks for the time (durable-objects).
 *
 * Both are functions that take their globals as parameters, so that the clock, chance, timers and requests that the code
 * sees are the simulation's, and nothing outside of it changes.
 */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
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
const products = new Map<string, Promise<ProductCode>>();
const machines = new Map<string, Promise<MachineBundle>>();
const libraries = new Map<string, Promise<Modules>>();

interface MachineBundle {
  code: string;
  /** The names of what it imports of the library, sorted. */
  libraryNames: readonly string[];
}

/**
 * @param shared what the pure code sees instead of the platform's own
 * @param names of the globals that `start` will be given
 */
export function productCode(
  shared: Globals,
  names: readonly string[],
  patches: readonly Patch[],
): Promise<ProductCode> {
  return kept(products, JSON.stringify(patches), () => buildProduct(shared, names, patches));
}

async function buildProduct(
  shared: Globals,
  names: readonly string[],
  patches: readonly Patch[],
): Promise<ProductCode> {
  const [ofLibrary, ofMachine] = [true, false].map((pure) =>
    patches.filter(({ file }) => isPure(file) === pure),
  ) as [Patch[], Patch[]];
  // A planted fault changes one of the two; the other is built once for all.
  const machine = await kept(machines, JSON.stringify(ofMachine), () => buildMachine(ofMachine));
  const { code, libraryNames } = machine;
  const key = JSON.stringify([libraryNames, ofLibrary]);
  const modules = await kept(libraries, key, () => buildLibrary(libraryNames, shared, ofLibrary));
  const parameters = ['require', 'module', 'exports', ...names];
  const compiled = compileFunction(code, parameters, { filename: 'machine.js' }) as (
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

/** Builds that are kept: a planted fault has its own, and is not asked for again after the next one. */
const BUILDS_MAX = 4;

export function kept<Value>(known: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>) {
  let value = known.get(key);
  if (!value) {
    if (known.size >= BUILDS_MAX) known.delete(known.keys().next().value!);
    known.set(key, (value = make()));
  }
  return value;
}

async function buildMachine(patches: readonly Patch[]): Promise<MachineBundle> {
  const names = new Set<string>();
  const plugins = [librariesApart(names), patched(patches)];
  const code = await bundled({ entryPoints: ['workers/index.ts'] }, plugins);
  return { code, libraryNames: [...names].sort() };
}

async function buildLibrary(
  names: readonly string[],
  shared: Globals,
  patches: readonly Patch[],
): Promise<Modules> {
  const imports = names.map((name, index) => `import * as m${index} from ${JSON.stringify(importOf(name))};`);
  const members = names.map((name, index) => `${JSON.stringify(name)}: m${index}`);
  const contents = `${imports.join('\n')}\nexport const modules = {${members.join(', ')}};`;
  const code = await bundledSource(contents, patches);
  return (run(code, shared, (name) => nodeRequire(name) as unknown) as { modules: Modules }).modules;
}

/** A bundle of what the text of a module imports from the root. */
export const bundledSource = (contents: string, patches: readonly Patch[]): Promise<string> =>
  bundled({ stdin: { contents, resolveDir: ROOT, loader: 'ts' } }, [patched(patches)]);

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

const pathFromRoot = (path: string): string => relative(ROOT, path).replaceAll('\\', '/');
const isPure = (path: string): boolean => /^(protocol|core)\//.test(path);
const importOf = (name: string): string => (isPure(name) ? `./${name}` : name);

/** Leaves out packages and what is pure, and notes their names. Asks esbuild nothing, which takes longer than the build. */
function librariesApart(names: Set<string>): Plugin {
  return {
    name: 'libraries-apart',
    setup(build) {
      build.onResolve({ filter: /^[^.]|\/(core|protocol)\// }, ({ path, kind, resolveDir }) => {
        if (kind === 'entry-point' || path.includes(':') || resolveDir.includes('node_modules')) return null;
        // A package that builds on the platform has to see that of its machine.
        if (path.startsWith('itty-durable')) return null;
        const name = path.startsWith('.') ? pathFromRoot(resolve(resolveDir, path)) : path;
        if (path.startsWith('.') && !isPure(name)) return null;
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
        const name = pathFromRoot(path);
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
