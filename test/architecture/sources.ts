/** The TypeScript files of the project, and what each of them imports. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from 'vite';

/** Path from the root of the project, with slashes, to text. */
export type Sources = ReadonlyMap<string, string>;

export interface Import {
  /** A path from the root of the project, or the name of a package. */
  target: string;
  isFile: boolean;
  /** Gone when the types are stripped. */
  isType: boolean;
}

export interface Parsed {
  imports: Import[];
  program: unknown;
}

export const ROOT = join(import.meta.dirname, '../..');

/** Not ours, or made by tools. */
const LEFT_OUT = new Set([
  'node_modules',
  '.git',
  '.posthorn',
  '.wrangler',
  '.interop',
  'dist',
  '.venv',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '__pycache__',
]);

export function filesBelow(folder = '', root = ROOT): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (LEFT_OUT.has(entry.name)) return [];
    const path = posix.join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path, root) : [path];
  });
}

export function readSources(): Sources {
  const paths = filesBelow().filter((path) => path.endsWith('.ts'));
  return new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

export function parse(path: string, text: string): Parsed {
  const { program, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  const imports: Import[] = [];
  const add = (specifier: string, isType: boolean): void => {
    const isFile = specifier.startsWith('.');
    const target = isFile ? posix.join(posix.dirname(path), specifier) : specifier;
    imports.push({ target, isFile, isType });
  };
  for (const { moduleRequest, entries } of module.staticImports) {
    add(moduleRequest.value, entries.length > 0 && entries.every(({ isType }) => isType));
  }
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest, isType } of entries) if (moduleRequest) add(moduleRequest.value, isType);
  }
  for (const { moduleRequest } of module.dynamicImports) {
    add(text.slice(moduleRequest.start + 1, moduleRequest.end - 1), false);
  }
  return { imports, program };
}

interface Node {
  type: string;
  [key: string]: unknown;
}

/** Every node of the syntax tree, parents first. */
export function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const each of value) yield* nodesOf(each);
  } else if (typeof value === 'object' && value !== null) {
    if (typeof (value as Node).type === 'string') yield value as Node;
    for (const each of Object.values(value)) if (typeof each === 'object') yield* nodesOf(each);
  }
}
