/** Ceiling problem: a namespace that has nearly written, or has written, as many rows as it may in this hour. */

import type { OverviewProblem } from '../../protocol/schemas/overview.ts';

/** As the topology tells it. Kept as JSON. */
export interface CeilingUse {
  /** Rows in an hour. */
  readonly ceiling: number;
  readonly written: number;
  /** When the hour ends, in ms. */
  readonly resets_at: number;
}

/** @param namespace its name */
export function ceilingProblem(namespace: string, use: CeilingUse | null, nowMs: number): OverviewProblem[] {
  if (use === null || use.resets_at <= nowMs) return [];
  const { ceiling, written } = use;
  const detail =
    written >= ceiling
      ? `publishes are refused until ${new Date(use.resets_at).toISOString()}: all ${ceiling} rows of this hour are written`
      : `${written} of ${ceiling} rows of this hour are written`;
  return [{ problem: 'cost_ceiling', kind: 'namespace', name: namespace, detail }];
}
