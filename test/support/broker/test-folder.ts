/** Folder for the data of all brokers of a test run, removed at its end whatever became of them. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default async function setUp(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-tests-'));
  process.env['POSTHORN_TEST_FOLDER'] = folder;
  return () => rm(folder, { recursive: true, force: true, maxRetries: 10 });
}
