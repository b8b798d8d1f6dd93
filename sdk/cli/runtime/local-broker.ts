/** Local broker: the script that runs it, and the Node and runtime that the script needs. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../command.ts';
import { needRuntime } from './packages.ts';

export interface LocalBroker {
  /** The Node that runs it. */
  readonly node: string;
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

export async function localBroker({ io, printer }: Context): Promise<LocalBroker> {
  const built = join(import.meta.dirname, 'broker/local/serve.js');
  if (!existsSync(built)) {
    const script = join(import.meta.dirname, '../../../scripts/serve.ts');
    return { node: process.execPath, script, env: {} };
  }
  const { node, miniflare } = await needRuntime({
    folder: io.folder,
    env: io.env,
    say: (text) => printer.warn(text),
  });
  return { node, script: built, env: { POSTHORN_MINIFLARE: miniflare } };
}
