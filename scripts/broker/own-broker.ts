/**
 * The broker of a command: that of POSTHORN_URL, which may ask for the token in POSTHORN_TOKEN, or one of its own, whose data
 * is removed at the end.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from './broker.ts';

/** Where a broker is, as the SDK takes it. */
export interface BrokerAddress {
  /** Without a slash at the end. */
  readonly url: string;
  /** Absent: the broker asks for none. */
  readonly token?: string;
}

/** Ctrl-C ends what is under way and cleans up. A second one ends the process. */
export function stopOnSignals(stop: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Miniflare's own handler would end the process before the data is removed.
    process.removeAllListeners(signal);
    process.on(signal, () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
  }
}

/**
 * Runs `use` with the address of the broker.
 *
 * @param folder what the name of the folder with the broker's data begins with
 */
export async function withBroker<Result>(
  folder: string,
  stop: AbortController,
  say: (line: string) => void,
  use: (broker: BrokerAddress) => Promise<Result>,
): Promise<Result> {
  const { POSTHORN_URL: url, POSTHORN_TOKEN: token } = process.env;
  if (url) return await use({ url, ...(token && { token }) });
  say('Starting a broker ...');
  const dataPath = mkdtempSync(join(tmpdir(), folder));
  // Also if Miniflare ends the process: until the broker runs, Ctrl-C is its own.
  process.once('exit', () => rmSync(dataPath, { recursive: true, force: true }));
  const broker = await startBroker({ dataPath });
  stopOnSignals(stop);
  try {
    return await use({ url: broker.url });
  } finally {
    await broker.stop();
  }
}
