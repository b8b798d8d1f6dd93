/**
 * The shortest run that still breaks the same promise: without the faults that are not needed, without whole clients, and
 * then without ever smaller parts of the operations (delta debugging). Leaving something out changes when everything else
 * happens, so each part is tried with several orders of events. What is found is short, not always the shortest.
 */

import { FAULTS, type Fault } from './faults.ts';
import { drawPlan, type PlannedOperation } from './plan.ts';
import { run, type RunOptions, type RunResult } from './run.ts';

export interface Shrunk {
  seed: number;
  faults: readonly Fault[];
  plan: readonly PlannedOperation[];
  luck: number;
  result: RunResult;
  runs: number;
}

/** Orders of events that each part is tried with. */
const LUCKS = 6;

export async function shrink(options: RunOptions, checker: string, runsMax: number): Promise<Shrunk | null> {
  let faults = options.faults ?? FAULTS;
  let plan = options.plan ?? drawPlan(options.seed, options.steps);
  let runs = 0;
  let luck = options.luck ?? 0;
  let last: RunResult | null = null;
  const fails = async (
    candidateFaults: readonly Fault[],
    candidate: readonly PlannedOperation[],
  ): Promise<boolean> => {
    const { onTrace: _, ...quiet } = options;
    for (let turn = 0; turn < LUCKS && runs < runsMax; turn++, runs++) {
      const other = { ...quiet, faults: candidateFaults, plan: candidate, luck: luck + turn };
      const result = await run(other);
      if (!result.violations.some((violation) => violation.checker === checker)) continue;
      last = result;
      luck += turn;
      return true;
    }
    return false;
  };
  if (!(await fails(faults, plan))) return null;
  for (const fault of faults) {
    const fewer = faults.filter((other) => other !== fault);
    if (await fails(fewer, plan)) faults = fewer;
  }
  for (const client of new Set(plan.map((operation) => operation.client))) {
    const fewer = plan.filter((operation) => operation.client !== client);
    if (await fails(faults, fewer)) plan = fewer;
  }
  for (let parts = 2; plan.length > 1 && parts <= plan.length * 2;) {
    const size = Math.max(1, Math.ceil(plan.length / parts));
    let isShorter = false;
    for (let at = 0; at < plan.length && plan.length > 1;) {
      const fewer = [...plan.slice(0, at), ...plan.slice(at + size)];
      if (await fails(faults, fewer)) {
        plan = fewer;
        isShorter = true;
      } else at += size;
    }
    if (runs >= runsMax || (size === 1 && !isShorter)) break;
    parts = isShorter ? Math.max(2, parts - 1) : parts * 2;
  }
  return { seed: options.seed, faults, plan, luck, result: last!, runs };
}
