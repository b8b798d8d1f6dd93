/** What must not be in the tree, and what must agree in it. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { filesBelow, ROOT } from './sources.ts';

interface LockedPackage {
  version: string;
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> };

/** Where the project happened to be built. In parts, so as not to find itself. */
const MACHINE_PATHS = ['work', 'root', 'home', 'tmp/bash_jobs'].map((folder) => `/${folder}`);

describe('the tree', () => {
  it('names no path of the machine it was made on', () => {
    const pattern = new RegExp(String.raw`(?<![\w./*-])(${MACHINE_PATHS.join('|')})[/.][\w.-]`);
    expect(pattern.test(`see ${MACHINE_PATHS[0]}/notes`)).toBe(true);
    const texts = filesBelow().filter((path) => !/\.(jar|png|ico|gz)$/.test(path));
    expect(texts.length).toBeGreaterThan(50);
    const found = texts.flatMap((path) => {
      const match = pattern.exec(read(path));
      return match ? [`${path}: ${match[0]}`] : [];
    });
    expect(found).toEqual([]);
  });

  it('locks packages without the address of a registry', () => {
    const resolved = Object.values(lock.packages).filter((each) => each.resolved !== undefined);
    expect(resolved).toEqual([]);
    expect(read('package-lock.json')).not.toMatch(/https?:\/\/[^"]*\.tgz/);
  });

  it('locks what each package needs on every platform, without which npm ci refuses on all of them', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
      ),
    );
    expect(missing).toEqual([]);
  });

  it('has one miniflare and one workerd, which agree', () => {
    const pathsOf = (name: string): string[] =>
      Object.keys(lock.packages).filter((path) => path.endsWith(`node_modules/${name}`));
    expect(pathsOf('miniflare')).toEqual(['node_modules/miniflare']);
    expect(pathsOf('workerd')).toEqual(['node_modules/workerd']);
    const { version, dependencies } = lock.packages['node_modules/miniflare']!;
    expect(lock.packages['node_modules/workerd']!.version).toBe(dependencies!['workerd']);
    expect(lock.packages['node_modules/wrangler']!.dependencies!['miniflare']).toBe(version);
  });

  it('asks for no compatibility date that the runtime does not know yet', () => {
    const { compatibilityDate } = createRequire(import.meta.url)('workerd') as { compatibilityDate: string };
    const config = parse(read('wrangler.toml')) as { compatibility_date: string };
    expect(config.compatibility_date <= compatibilityDate).toBe(true);
  });

  it('names a script of the project in every command', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const command of ['start', 'test', 'demo', 'bench', 'check', 'format', 'dev', 'deploy:dry']) {
      expect(scripts[command]).toMatch(/^exec node scripts\/run\.mjs \S/);
    }
  });
});
