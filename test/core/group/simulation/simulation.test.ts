/** Promises 5 and 6 at every step of many seeded runs, and every record handled at least once. */

import { describe, expect, it } from 'vitest';
import { Simulation } from './simulation.ts';

const SEEDS = Number(process.env['SEEDS'] ?? 80);
const FIRST_SEED = Number(process.env['SEED'] ?? 1);

const STORM_MS = 12_000;
const CALM_MS = 15_000;

function runSeed(seed: number): Simulation {
  const simulation = new Simulation(seed);
  try {
    simulation.run(STORM_MS);
    simulation.calm();
    simulation.run(STORM_MS + CALM_MS);
    simulation.checkQuiet();
  } catch (error) {
    const { nowMs, trace } = simulation;
    throw new Error(
      `seed ${seed}, at ${Math.round(nowMs)} ms: ${error instanceof Error ? error.message : String(error)}\n${trace.slice(-20).join('\n')}`,
      { cause: error },
    );
  }
  return simulation;
}

describe('a group whose members come, go, crash, pause and are cut off', () => {
  it(`keeps its promises at every step (seeds ${FIRST_SEED} to ${FIRST_SEED + SEEDS - 1})`, () => {
    const totals = { handovers: 0, fencedCommits: 0, commits: 0, targets: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const { counts, partitions } = runSeed(seed);
      totals.fencedCommits += counts.fencedCommits;
      totals.targets += counts.targets;
      for (const { handovers, commits } of partitions.values()) {
        totals.handovers += handovers;
        totals.commits += commits;
      }
    }
    // That the runs reach what they are about.
    expect(totals.handovers).toBeGreaterThan(SEEDS * 10);
    expect(totals.commits).toBeGreaterThan(SEEDS * 20);
    expect(totals.targets).toBeGreaterThan(SEEDS * 5);
    if (SEEDS >= 50) expect(totals.fencedCommits).toBeGreaterThan(SEEDS / 10);
  });

  it.each([158382515, 221735451, 253411994])(
    'keeps them where a reply of before a revocation comes after it (seed %i)',
    (seed) => void runSeed(seed),
  );

  it('does the same again with the same seed', () => {
    const [first, second] = [runSeed(7), runSeed(7)];
    expect(second.group).toEqual(first.group);
    expect(second.counts).toEqual(first.counts);
    expect(second.steps).toBe(first.steps);
  });
});
