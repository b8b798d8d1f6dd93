/**
 * `npm run reference`: the reference of the SDK as pages, by TypeDoc, in `dist/reference/`. TypeDoc wants a TypeScript of its own, so both
 * are installed beside it when it first runs.
 *
 *   npm run reference
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '../protocol/version.ts';

const ROOT = join(import.meta.dirname, '..');
const TOOLS = join(ROOT, 'dist/reference-tools');
const OUT = join(ROOT, 'dist/reference');
const PACKAGES = ['typedoc@0.28.20', 'typescript@6.0.3'];

function run(program: string, args: string[], cwd: string): void {
  const { status } = spawnSync(program, args, { cwd, stdio: 'inherit' });
  if (status === 0) return;
  console.error(`posthorn: ${program} ${args[0]} failed`);
  process.exit(1);
}

await mkdir(TOOLS, { recursive: true });
if (!existsSync(join(TOOLS, 'node_modules/typedoc'))) {
  await writeFile(join(TOOLS, 'package.json'), '{ "private": true }\n');
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error', ...PACKAGES], TOOLS);
}
const compilerOptions = { skipLibCheck: true, typeRoots: [join(ROOT, 'node_modules/@types')] };
const config = {
  extends: join(ROOT, 'tsconfig.json'),
  compilerOptions,
  include: [join(ROOT, 'sdk/index.ts')],
};
await writeFile(join(TOOLS, 'tsconfig.json'), JSON.stringify(config));
const options = {
  tsconfig: join(TOOLS, 'tsconfig.json'),
  entryPoints: 'sdk/index.ts',
  out: OUT,
  name: `Posthorn ${VERSION}`,
  readme: 'docs/package.md',
  logLevel: 'Error',
};
const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
const typedoc = join(TOOLS, 'node_modules/typedoc/bin/typedoc');
run(
  process.execPath,
  [typedoc, ...flags, '--skipErrorChecking', '--excludeInternal', '--excludePrivate'],
  ROOT,
);
console.log(`${join(OUT, 'index.html')}`);
