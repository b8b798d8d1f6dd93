import { configDefaults, defineConfig } from 'vitest/config';

/** Tests of pure code: they start no runtime, keep no state of a module, and share one process. */
const PURE = ['test/architecture/**/*.test.ts', 'test/core/**/*.test.ts', 'test/protocol/**/*.test.ts'];

export default defineConfig({
  test: {
    // Many files start a workerd of their own, and two cores run two well.
    pool: 'forks',
    maxWorkers: 2,
    // No test takes long; these only end one that hangs, on a machine that may be busy with other things.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    projects: [
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
      {
        extends: true,
        test: {
          name: 'runtime',
          include: ['test/**/*.test.ts'],
          // The interoperability tests need Java and what they compare with; they have a command of their own.
          // `npm run mutants` shows that each planted fault is noticed. It takes many minutes.
          exclude: [
            ...configDefaults.exclude,
            ...PURE,
            'test/interop/**',
            ...(process.env['POSTHORN_MUTANTS'] ? [] : ['test/simulation/mutants/**']),
          ],
        },
      },
    ],
  },
});
