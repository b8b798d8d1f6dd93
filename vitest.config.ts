import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need Java and what they compare with; they have a command of their own.
    exclude: [...configDefaults.exclude, 'test/interop/**'],
    // A process for each file, two at a time: many files start a workerd of their own, and two cores run two well.
    pool: 'forks',
    maxWorkers: 2,
    // No test takes long; these only end one that hangs, on a machine that may be busy with other things.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
