/** The broker of a command: that of POSTHORN_URL, or one of its own, whose data is removed at the end. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from './broker.ts';

/** Ctrl-C ends what is under way and cleans up. A second one ends the process. */
export function stopOnSignals(stop: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Miniflare's own handler would end the process before the data is removed.
    process.removeAllListeners(signal);
    process.on(signal, () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
  }
}

/**
 * Runs `use` with the URL of the broker.
 *
 * @param folder what the name of the folder with the broker's data begins with
 */
export async function withBroker<Result>(
  folder: string,
  stop: AbortController,
  say: (line: string) => void,
  use: (url: string) => Promise<Result>,
): Promise<Result> {
  const given = process.env['POSTHORN_URL'];
  if (given) return await use(given);
  say('Starting a broker ...');
  const dataPath = mkdtempSync(join(tmpdir(), folder));
  // Also if Miniflare ends the process: until the broker runs, Ctrl-C is its own.
  process.once('exit', () => rmSync(dataPath, { recursive: true, force: true }));
  const broker = await startBroker({ dataPath });
  stopOnSignals(stop);
  try {
    return await use(broker.url);
  } finally {
    await broker.stop();
  }
}
