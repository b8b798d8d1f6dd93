import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The interoperability tests need Java and what they compare with; they have a command of their own.
    // `npm run mutants` shows that each planted fault is noticed. It takes many minutes.
    exclude: [
      ...configDefaults.exclude,
      'test/interop/**',
      ...(process.env['POSTHORN_MUTANTS'] ? [] : ['test/simulation/mutants/**']),
    ],
    // Processes that take one file after another, so that the files of a process share a broker: a worker of vitest and
    // its workerd keep a core busy, and the tests shall pass on two.
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
    setupFiles: 'test/support/set-up.ts',
    globalSetup: 'test/support/test-folder.ts',
    alias: { 'cloudflare:workers': join(import.meta.dirname, 'test/support/cloudflare-workers.ts') },
    // No test takes long; these only end one that hangs, on a machine that may be busy with other things.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
