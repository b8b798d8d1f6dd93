/** Child process of the command: it prints where the command prints, and ends with it. */

import { spawn } from 'node:child_process';
import type { Context } from '../command.ts';
import type { Outcome } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/**
 * Runs a script until it ends or the command is told to stop.
 *
 * @param what names it in the message if it cannot be started
 */
export async function runScript(
  { io, printer }: Context,
  what: string,
  {
    node,
    args,
    env,
  }: { node: string; args: readonly string[]; env: Readonly<Record<string, string | undefined>> },
): Promise<Outcome> {
  const child = spawn(node, args, { cwd: io.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (chunk: Uint8Array) => void printer.out.write(chunk));
  child.stderr.on('data', (chunk: Uint8Array) => void printer.err.write(chunk));
  const stop = (): boolean => child.kill('SIGTERM');
  if (io.signal.aborted) stop();
  io.signal.addEventListener('abort', stop, { once: true });
  const { promise, resolve: end, reject } = Promise.withResolvers<number | null>();
  child.on('error', reject);
  child.on('close', end);
  const code = await promise.catch((cause: unknown) => {
    throw new Failure('failed', `${what} cannot be started: ${(cause as Error).message}`, { cause });
  });
  return code === 0 || io.signal.aborted ? 'done' : 'failed';
}
