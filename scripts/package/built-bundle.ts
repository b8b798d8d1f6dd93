/** Stands in the package for `bundle.ts`: the worker is bundled already. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export function bundleWorker(): Promise<string> {
  return readFile(join(import.meta.dirname, 'worker.mjs'), 'utf8');
}
