/** Bundles a worker entry as wrangler does, in a fifth of a second, for the local runtime. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const ESBUILD = join(ROOT, 'node_modules/esbuild/bin/esbuild');

const OPTIONS = [
  '--bundle',
  '--format=esm',
  '--target=es2024',
  '--conditions=workerd,worker,browser',
  '--external:cloudflare:*',
  '--external:node:*',
  '--log-level=error',
];

const BUNDLE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * As a process of its own that ends with the build: esbuild's functions leave a helper process behind, for as long as a
 * broker runs.
 * @param entry relative to the root of the project
 * @param sourceMap for the inspector of the runtime. The map is three times as large as the code, and each start of the
 *   runtime reads it, so nothing else asks for it.
 * @param minify as wrangler.toml asks for. It makes the worker half as large, and errors harder to read.
 */
export async function bundleWorker(
  entry: string,
  { sourceMap = false, minify = false } = {},
): Promise<string> {
  const options = { cwd: ROOT, maxBuffer: BUNDLE_BYTES_MAX };
  const map = sourceMap ? ['--sourcemap=inline'] : [];
  const small = minify ? ['--minify'] : [];
  const { stdout } = await promisify(execFile)(ESBUILD, [entry, ...OPTIONS, ...map, ...small], options);
  return stdout;
}
