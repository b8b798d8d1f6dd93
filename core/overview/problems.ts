/** Problems of an object, as its last report shows them. */

import { PROBLEM_KINDS, type OverviewProblem } from '../../protocol/schemas/overview.ts';
import type { ObjectReport } from './object-report.ts';

/** The platform ends at 10 GB, and the broker refuses appends at 9.5 GB. */
const NEARLY_FULL_BYTES = 8_000_000_000;

export function problemsOf(report: ObjectReport): OverviewProblem[] {
  const found: Pick<OverviewProblem, 'problem' | 'detail'>[] = [];
  if (report.kind === 'queue') {
    const { outgoing, outgoing_problem, firing, is_full, is_paused, ready } = report.state;
    if (outgoing_problem !== null)
      found.push({
        problem: 'target_broken',
        detail: `${outgoing} messages cannot leave: ${outgoing_problem}`,
      });
    for (const alert of firing) found.push({ problem: 'alert_firing', detail: `alert ${alert} is firing` });
    if (is_full) found.push({ problem: 'full', detail: `the queue is full with ${ready} ready messages` });
    if (is_paused)
      found.push({ problem: 'paused', detail: `the queue is paused with ${ready} ready messages` });
  } else if (report.state.damaged_batches > 0)
    found.push({ problem: 'damaged', detail: `${report.state.damaged_batches} stored batches are damaged` });
  const { stored_bytes: bytes } = report.state;
  if (bytes >= NEARLY_FULL_BYTES)
    found.push({ problem: 'storage_nearly_full', detail: `${bytes} bytes are stored, of at most 10 GB` });
  const { kind, name } = report;
  const where = report.kind === 'partition' ? { partition: report.partition } : {};
  return found.map(({ problem, detail }) => ({ problem, kind, name, ...where, detail }));
}

/** Orders problems, the worst first. */
export function byGravity(one: OverviewProblem, other: OverviewProblem): number {
  return (
    PROBLEM_KINDS.indexOf(one.problem) - PROBLEM_KINDS.indexOf(other.problem) || compare(one.name, other.name)
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
