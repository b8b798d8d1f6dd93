import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The interoperability tests need Java and what they compare with; they have a command of their own.
    exclude: [...configDefaults.exclude, 'test/interop/**'],
    // Processes that take one file after another, so that the files of a process share a broker. Two would keep two cores
    // busy if no test waited; many do.
    pool: 'forks',
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    isolate: false,
    // All processors are busy throughout: further threads that collect garbage take from the tests what they save.
    execArgv: ['--single-threaded-gc'],
    setupFiles: 'test/support/set-up.ts',
    globalSetup: ['test/support/broker/plain-environment.ts', 'test/support/broker/test-folder.ts'],
    alias: { 'cloudflare:workers': join(import.meta.dirname, 'test/support/broker/cloudflare-workers.ts') },
    // No test takes long; these only end one that hangs, on a machine that may be busy with other things.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    teardownTimeout: 10_000,
  },
});
