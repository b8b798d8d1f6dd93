/**
 * `npm run mutants [-- names]`: looks for short runs that catch the faults planted in the product, and keeps them in
 * test/simulation/mutants/catching-runs.json, which `npm run soak` repeats. Without names: for those whose run there is missing or
 * catches them no more. Ends with 1 if a fault is not caught.
 */

import { writeFileSync } from 'node:fs';
import { format } from 'oxfmt';
import { MUTANTS } from '../test/simulation/mutants/mutants.ts';
import {
  CATCHING_RUNS_PATH,
  catchingRuns,
  findCatchingRun,
  isCaughtNear,
} from '../test/simulation/mutants/search.ts';
import { answerHelp } from './command/options.ts';

answerHelp(import.meta.filename);
const names = process.argv.slice(2);
const unknown = names.find((name) => !MUTANTS.some((mutant) => mutant.name === name));
if (unknown !== undefined) {
  console.error(`there is no mutant ${unknown}; there are ${MUTANTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const found = catchingRuns();
let missed = 0;
for (const mutant of MUTANTS) {
  const { name } = mutant;
  if (names.length > 0 && !names.includes(name)) continue;
  const known = names.length > 0 ? undefined : found[name];
  if (known && (await isCaughtNear(mutant, known))) continue;
  const catching = await findCatchingRun(mutant);
  if (catching === null) {
    missed += 1;
    delete found[name];
    console.log(`${name}: not caught`);
  } else {
    found[name] = catching;
    console.log(`${name}: seed ${catching.seed}, ${catching.steps} operations`);
  }
  await keep();
}
process.exit(missed === 0 ? 0 : 1);

/** In the order of the mutants, and only those that there are. */
async function keep(): Promise<void> {
  const kept = Object.fromEntries(
    MUTANTS.flatMap(({ name }) => (found[name] ? [[name, found[name]] as const] : [])),
  );
  const { code } = await format(CATCHING_RUNS_PATH, JSON.stringify(kept), { printWidth: 110 });
  writeFileSync(CATCHING_RUNS_PATH, code);
}
