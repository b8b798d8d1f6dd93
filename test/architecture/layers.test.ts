/** The layers hold, and the check that says so notices when they do not. */

import { describe, expect, it } from 'vitest';
import { checkLayers } from './layers.ts';
import { readSources } from './sources.ts';

function violationsOf(files: Record<string, string>): string[] {
  return checkLayers(new Map(Object.entries(files)));
}

describe('the layers', () => {
  it('hold in every file of the project', () => {
    const sources = readSources();
    expect(sources.size).toBeGreaterThan(50);
    expect(checkLayers(sources)).toEqual([]);
  });
});

describe('the check of the layers', () => {
  const planted: [path: string, text: string, violation: string][] = [
    ['protocol/a.ts', `import { z } from 'hono';`, 'protocol may not import hono'],
    ['protocol/a.ts', `import type { B } from '../core/b.ts';`, 'protocol may not import core/b.ts'],
    ['protocol/a.ts', `export * from '../sdk/b.ts';`, 'protocol may not import sdk/b.ts'],
    ['core/a.ts', `import 'cloudflare:workers';`, 'core may not import cloudflare:workers'],
    ['core/a.ts', `import { z } from 'zod';`, 'core may not import zod'],
    ['core/a.ts', `const zlib = import('node:zlib');`, 'core may not import node:zlib'],
    ['core/a.ts', `import { B } from '../durable-objects/b.ts';`, 'core may not import durable-objects/b.ts'],
    ['core/a.ts', `import { B } from '../test/b.ts';`, 'core may not import test/b.ts'],
    ['core/a.ts', `export const now = () => Date.now();`, 'core may not use Date.now'],
    ['core/a.ts', `export const now = new Date();`, 'core may not use new Date()'],
    ['core/a.ts', `export const dice = Math.random;`, 'core may not use Math.random'],
    ['core/a.ts', `export const id = () => crypto.randomUUID();`, 'core may not use crypto.randomUUID'],
    ['core/a.ts', `export async function f() {}`, 'core may not use async'],
    ['core/a.ts', `export const f = { async g() {} };`, 'core may not use async'],
    ['core/a.ts', `export const later = () => setTimeout(() => {}, 1);`, 'core may not use setTimeout'],
    ['core/a.ts', 'const sql = `\n  SELECT base FROM segments`;', 'core may not use SQL'],
    ['core/a.ts', `const sql = 'insert into segments values (1)';`, 'core may not use SQL'],
    ['durable-objects/a.ts', `import { b } from '../workers/b.ts';`, 'may not import workers/b.ts'],
    ['durable-objects/a.ts', `import { Hono } from 'hono';`, 'may not import hono'],
    ['durable-objects/a.ts', `import { readFile } from 'node:fs';`, 'may not import node:fs'],
    ['durable-objects/storage/a.ts', `export const f = (r: Request) => r;`, 'a store may not use Request'],
    ['durable-objects/queue/q-store.ts', `export const f = () => new Response();`, 'may not use Response'],
    ['workers/a.ts', `import { P } from '../durable-objects/p.ts';`, 'may not import durable-objects/p.ts'],
    ['workers/a.ts', `export { P } from '../durable-objects/p.ts';`, 'may not import durable-objects/p.ts'],
    [
      'workers/a.ts',
      `import type { P } from '../durable-objects/p.ts';`,
      'may not import durable-objects/p.ts',
    ],
    [
      'workers/a.ts',
      `import { P, type Q } from '../durable-objects/p.ts';`,
      'may not import durable-objects/p.ts',
    ],
    ['workers/a.ts', `import { b } from 'node:buffer';`, 'workers may not import node:buffer'],
    ['sdk/a.ts', `import { b } from '../core/b.ts';`, 'sdk may not import core/b.ts'],
    ['sdk/a.ts', `import { b } from 'node:fs';`, 'sdk may not import node:fs'],
    ['sdk/a.ts', `import { b } from './cli/b.ts';`, 'sdk may not import sdk/cli/b.ts'],
    ['sdk/cli/a.ts', `import { b } from '../../workers/b.ts';`, 'sdk may not import workers/b.ts'],
    ['wire/a.ts', `import { b } from '../sdk/b.ts';`, 'wire may not import sdk/b.ts'],
    ['wire/a.ts', `import { b } from '../core/b.ts';`, 'wire may not import core/b.ts'],
    ['wire/a.ts', `import { b } from 'node:net';`, 'wire may not import node:net'],
    ['wire/a.ts', `export const now = () => Date.now();`, 'wire may not use Date.now'],
    ['wire/a.ts', `export async function f() {}`, 'wire may not use async'],
    ['gateway/a.ts', `import { b } from '../core/b.ts';`, 'gateway may not import core/b.ts'],
    ['gateway/a.ts', `import { b } from '../workers/b.ts';`, 'gateway may not import workers/b.ts'],
    ['gateway/a.ts', `import { b } from '../sdk/cli/b.ts';`, 'gateway may not import sdk/cli/b.ts'],
    ['sdk/FileName.ts', ``, 'FileName.ts is not kebab-case'],
    ['test/camelCase/a.ts', ``, 'camelCase is not kebab-case'],
    ['bench/long.ts', '\n'.repeat(400) + '0;', 'has 401 lines; 400 are the most'],
  ];

  it.each(planted)('finds in %s: %s', (path, text, violation) => {
    const violations = violationsOf({ [path]: text });
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(path);
    expect(violations[0]).toContain(violation);
  });

  it('finds who names the class of an object', () => {
    expect(
      violationsOf({
        'workers/index.ts': `export { P } from '../durable-objects/p/p.ts';`,
        'durable-objects/p/p.ts': `import { DurableObject } from 'cloudflare:workers';`,
        'durable-objects/q/q.ts': `import type { P } from '../p/p.ts';`,
      }),
    ).toEqual([
      'durable-objects/q/q.ts: only workers/index.ts may import the class of durable-objects/p/p.ts',
    ]);
  });

  it('finds cycles between files and between folders, also of types alone', () => {
    expect(
      violationsOf({
        'core/a.ts': `import './b.ts';`,
        'core/b.ts': `import './c.ts';`,
        'core/c.ts': `import './a.ts';`,
      }),
    ).toEqual(['import cycle: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts']);
    expect(
      violationsOf({
        'core/x/a.ts': `import type { B } from './b.ts';`,
        'core/x/b.ts': `export type { C } from './c.ts';`,
        'core/x/c.ts': `import { type A } from './a.ts';`,
      }),
    ).toEqual(['import cycle: core/x/a.ts -> core/x/b.ts -> core/x/c.ts -> core/x/a.ts']);
    expect(
      violationsOf({
        'core/x/a.ts': `import '../y/b.ts';`,
        'core/y/b.ts': ``,
        'core/y/c.ts': `import '../x/d.ts';`,
        'core/x/d.ts': ``,
      }),
    ).toEqual(['import cycle: core/x -> core/y -> core/x']);
    expect(
      violationsOf({
        'core/x/a.ts': `import type { B } from '../y/b.ts';`,
        'core/y/b.ts': ``,
        'core/y/c.ts': `import type { D } from '../x/d.ts';`,
        'core/x/d.ts': ``,
      }),
    ).toEqual(['import cycle: core/x -> core/y -> core/x']);
  });

  it('lets pass what is allowed', () => {
    expect(
      violationsOf({
        'protocol/a.ts': `import { z } from 'zod'; import { b } from './b/c.ts';`,
        'core/a.ts': `// await Date.now() and SELECT x FROM y\nimport { a } from '../protocol/a.ts';
          export const day = (ms: number) => new Date(ms); export const text = 'Select a topic';`,
        'durable-objects/p.ts': `import { DurableObject } from 'cloudflare:workers'; import 'node:zlib';
          import type { Env } from './env.ts'; import { a } from '../core/a.ts';`,
        'durable-objects/env.ts': `import type { P } from './rpc/p.ts';`,
        'durable-objects/stubs.ts': `import type { Env } from './env.ts';`,
        'workers/index.ts': `export { P } from '../durable-objects/p.ts';`,
        'workers/a.ts': `import type { P } from '../durable-objects/rpc/p.ts'; import { Hono } from 'hono';
          import type { Env } from '../durable-objects/env.ts'; import '../durable-objects/call-group.ts';
          import { stub } from '../durable-objects/stubs.ts'; import '../durable-objects/rpc/p.ts';`,
        'sdk/a.ts': `import { a } from '../protocol/a.ts'; export async function f() { await 0; }`,
        'sdk/cli/a.ts': `import { readFile } from 'node:fs/promises'; import { f } from '../a.ts';`,
        'wire/a.ts': `import { a } from '../protocol/a.ts'; export const f = (done: () => void) => done();`,
        'gateway/a.ts': `import { f } from '../sdk/a.ts'; import { a } from '../wire/a.ts'; import 'node:net';
          export const later = () => setTimeout(() => {}, 1);`,
        'scripts/a.ts': `import { f } from '../sdk/a.ts';`,
      }),
    ).toEqual([]);
  });
});
