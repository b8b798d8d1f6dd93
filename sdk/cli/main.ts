#!/usr/bin/env node
/** The process `posthorn`: its streams, its signals and its exit code. */

import { EXIT_CODES } from './exit-codes.ts';
import { run } from './run.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The second one ends the process at once.
  process.on(signal, () => (stop.signal.aborted ? process.exit(EXIT_CODES.interrupted.code) : stop.abort()));
}

const { stdin, stdout, stderr, env } = process;
const code = await run(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  signal: stop.signal,
  folder: process.cwd(),
});
// What is written is with the system by now; a standard input that is still open must not hold the process.
process.exit(code);
