/**
 * The directions of the layers, and what each may use:
 *
 *     protocol/  <-  core/  <-  durable-objects/  <-  workers/
 *       ^   ^
 *       |   sdk/   <-  sdk/cli/
 *       |    ^
 *     wire/  <-  gateway/  <-  workers/amqp/
 */

import { nodesOf, parse, type Import, type Parsed, type Sources } from './sources.ts';

const LINES_MAX = 400;

/** Files that may be longer, each with its reason. */
const LONG_FILES: ReadonlyMap<string, string> = new Map();

const LAYERS = ['protocol', 'core', 'durable-objects', 'workers', 'sdk', 'wire', 'gateway'] as const;
type Layer = (typeof LAYERS)[number];

/** Whether a file of the layer may import this. Its own layer it always may, and nothing outside of the layers. */
const MAY_IMPORT: Record<Layer, (path: string, imported: Import) => boolean> = {
  protocol: (path, { target }) =>
    target === 'zod' || (path === 'protocol/version.ts' && target === 'package.json'),
  core: (_, { target }) => inFolder(target, 'protocol'),
  'durable-objects': (_, { target }) =>
    inFolder(target, 'core') ||
    inFolder(target, 'protocol') ||
    ['cloudflare:workers', 'node:crypto', 'node:zlib', 'itty-durable/itty-durable.js', 'croner'].includes(
      target,
    ),
  workers: (path, { target, isFile }) =>
    inFolder(target, 'core') ||
    inFolder(target, 'protocol') ||
    (inFolder(target, 'durable-objects') && (ENTRIES.includes(path) || isCallable(target))) ||
    (inFolder(path, 'workers/amqp') && (inFolder(target, 'gateway/amqp') || inFolder(target, 'sdk'))) ||
    (!isFile &&
      (isPackage(target, 'hono') ||
        target === 'jose' ||
        target === 'zod' ||
        target === 'node:zlib' ||
        target === 'cloudflare:workers')),
  sdk: (path, { target }) =>
    inFolder(target, 'protocol') ||
    (inFolder(path, 'sdk/cli') && target.startsWith('node:')) ||
    // Types only: the packages are loaded when a capture begins.
    (inFolder(path, 'sdk/cli/cdc') && ['pg', 'pg-logical-replication'].includes(target)),
  wire: (_, { target }) => inFolder(target, 'protocol'),
  gateway: (_, { target }) =>
    target === 're2js' ||
    inFolder(target, 'wire') ||
    inFolder(target, 'protocol') ||
    (inFolder(target, 'sdk') && !inFolder(target, 'sdk/cli')) ||
    target.startsWith('node:'),
};

/** The one file that names the classes of the objects. Everybody else knows them by the interfaces of `rpc/`. */
const ENTRY = 'workers/index.ts';

/** The same, and the entry that loads them later. */
const ENTRIES = [ENTRY, 'workers/deployed.ts'];

/** What says how objects are called, without the objects themselves. */
function isCallable(path: string): boolean {
  return (
    ['env', 'stubs', 'call-group'].some((name) => path === `durable-objects/${name}.ts`) ||
    inFolder(path, 'durable-objects/rpc')
  );
}

/** One sentence for each violation. */
export function checkLayers(sources: Sources): string[] {
  const parsed = new Map([...sources].map(([path, text]) => [path, parse(path, text)]));
  const violations: string[] = [];
  for (const [path, file] of parsed) {
    violations.push(...checkShape(path, sources.get(path)!));
    const layer = LAYERS.find((name) => inFolder(path, name));
    if (!layer) continue;
    violations.push(...checkImports(path, layer, file.imports));
    if (layer === 'sdk' && inFolder(path, 'sdk') && !inFolder(path, 'sdk/cli')) {
      violations.push(...checkSdkWithoutCli(path, file.imports));
    }
    if (layer === 'core' || layer === 'wire') violations.push(...checkPurity(path, layer, file));
    if (isStore(path)) violations.push(...checkStore(path, file));
  }
  return [...violations, ...checkObjects(parsed), ...checkCycles(parsed)];
}

/** Who knows an object's class can depend on what is inside of it, and is in a circle with all that it calls. */
function checkObjects(parsed: ReadonlyMap<string, Parsed>): string[] {
  const exported = parsed.get(ENTRY)?.imports.map(({ target }) => target) ?? [];
  const objects = new Set(
    exported.filter((target) => inFolder(target, 'durable-objects') && !isCallable(target)),
  );
  return [...parsed].flatMap(([path, { imports }]) =>
    imports
      .filter(({ target }) => objects.has(target) && inFolder(path, 'durable-objects'))
      .map(({ target }) => `${path}: only ${ENTRY} may import the class of ${target}`),
  );
}

function checkShape(path: string, text: string): string[] {
  const violations: string[] = [];
  const odd = path
    .split('/')
    .find((part) => !/^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/.test(part));
  if (odd !== undefined) violations.push(`${path}: ${odd} is not kebab-case`);
  const lines = text.trimEnd().split('\n').length;
  if (lines > LINES_MAX && !LONG_FILES.has(path)) {
    violations.push(`${path}: has ${lines} lines; ${LINES_MAX} are the most`);
  }
  return violations;
}

function checkImports(path: string, layer: Layer, imports: Import[]): string[] {
  return imports
    .filter((imported) => !inFolder(imported.target, layer) && !MAY_IMPORT[layer](path, imported))
    .map(({ target }) => `${path}: ${layer} may not import ${target}`);
}

/** The library must not draw in the command. */
function checkSdkWithoutCli(path: string, imports: Import[]): string[] {
  return imports
    .filter(({ target }) => inFolder(target, 'sdk/cli'))
    .map(({ target }) => `${path}: sdk may not import ${target}`);
}

const IMPURE_CALLS = new Set([
  'Date.now',
  'Math.random',
  'crypto.randomUUID',
  'crypto.getRandomValues',
  'performance.now',
]);
const IMPURE_GLOBALS = new Set(['setTimeout', 'setInterval', 'queueMicrotask', 'fetch', 'Promise']);

/** The core and the wire protocols decide: no clock, no chance, no waiting, no SQL. */
function checkPurity(path: string, layer: Layer, { program }: Parsed): string[] {
  const found = new Set<string>();
  for (const node of nodesOf(program)) {
    if (node.type === 'AwaitExpression') found.add('await');
    else if (node['async'] === true) found.add('async');
    else if (node.type === 'ForOfStatement' && node['await'] === true) found.add('for await');
    else if (node.type === 'MemberExpression') {
      const name = memberName(node);
      if (IMPURE_CALLS.has(name)) found.add(name);
    } else if (node.type === 'NewExpression' && identifier(node['callee']) === 'Date') {
      // With an argument it is a calculation.
      if ((node['arguments'] as unknown[]).length === 0) found.add('new Date()');
    } else if (node.type === 'CallExpression') {
      const name = identifier(node['callee']);
      if (name === 'Date') found.add('Date()');
      if (IMPURE_GLOBALS.has(name)) found.add(name);
    }
    if (node.type === 'NewExpression' && identifier(node['callee']) === 'Promise') found.add('Promise');
    if (isSql(node)) found.add('SQL');
  }
  return [...found].map((what) => `${path}: ${layer} may not use ${what}`);
}

function isSql(node: Record<string, unknown>): boolean {
  const value =
    node['type'] === 'Literal' ? node['value'] : (node['value'] as { raw?: unknown } | undefined)?.raw;
  return (
    typeof value === 'string' &&
    /^\s*(SELECT .* FROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|PRAGMA)\b/is.test(
      value,
    )
  );
}

function isStore(path: string): boolean {
  return (
    inFolder(path, 'durable-objects/storage') ||
    (inFolder(path, 'durable-objects') && path.endsWith('-store.ts'))
  );
}

/** A store knows rows and bytes, not HTTP. */
function checkStore(path: string, { program }: Parsed): string[] {
  const names = new Set<string>();
  for (const node of nodesOf(program)) if (node.type === 'Identifier') names.add(node['name'] as string);
  return ['Request', 'Response', 'Headers']
    .filter((name) => names.has(name))
    .map((name) => `${path}: a store may not use ${name}`);
}

/**
 * Between files and between folders, also of types alone: a cycle cannot be understood or moved in parts. A folder and
 * those in it are one to this; what goes wrong between them shows as a cycle of files.
 */
function checkCycles(parsed: ReadonlyMap<string, Parsed>): string[] {
  const files = new Map<string, Set<string>>();
  const folders = new Map<string, Set<string>>();
  for (const [path, { imports }] of parsed) {
    if (!LAYERS.some((layer) => inFolder(path, layer))) continue;
    for (const { target, isFile } of imports) {
      if (!isFile) continue;
      link(files, path, target);
      const [from, to] = [folderOf(path), folderOf(target)];
      if (!inFolder(`${from}/`, to) && !inFolder(`${to}/`, from)) link(folders, from, to);
    }
  }
  return [...cyclesOf(files), ...cyclesOf(folders)].map((cycle) => `import cycle: ${cycle.join(' -> ')}`);
}

function link(graph: Map<string, Set<string>>, from: string, to: string): void {
  const targets = graph.get(from) ?? new Set();
  graph.set(from, targets.add(to));
}

/** One cycle for each place where a walk through the graph comes back to itself. */
function cyclesOf(graph: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const walk = (node: string, trail: string[]): void => {
    const at = trail.indexOf(node);
    if (at >= 0) cycles.push([...trail.slice(at), node]);
    if (at >= 0 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) walk(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) walk(node, []);
  return cycles;
}

function inFolder(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function isPackage(target: string, name: string): boolean {
  return target === name || target.startsWith(`${name}/`);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function identifier(node: unknown): string {
  const { type, name } = (node ?? {}) as { type?: string; name?: string };
  return type === 'Identifier' ? name! : '';
}

function memberName(node: Record<string, unknown>): string {
  return `${identifier(node['object'])}.${identifier(node['property'])}`;
}
