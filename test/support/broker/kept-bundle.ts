/**
 * Kept bundle: what `bundleWorker` builds, built once in a test run and kept in its folder for all brokers of the run. It
 * is as small as the one that is deployed: miniflare copies it some sixty times whenever it starts a runtime.
 */

import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorker as build } from '../../../scripts/broker/bundle.ts';

export async function bundleWorker(entry: string): Promise<string> {
  const folder = process.env['POSTHORN_TEST_FOLDER'];
  if (folder === undefined) return await build(entry, { minify: true });
  const path = join(folder, `${entry.replaceAll('/', '-')}.bundle`);
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  if (kept !== undefined) return kept;
  const script = await build(entry, { minify: true });
  // Two processes may build at the same time, and a third reads.
  await writeFile(`${path}.${process.pid}`, script);
  await rename(`${path}.${process.pid}`, path);
  return script;
}
