/**
 * Ceiling notices: tells the overview of a namespace how near its cost ceiling is, from four fifths on, with each twentieth that is
 * written. That is five calls an hour at most; a namespace that stays below tells nothing.
 */

import { usedTwentieths } from '../../../core/cost/cost-ceiling.ts';
import type { CeilingUse } from '../../../core/overview/ceiling-problem.ts';
import type { CostStatus } from '../../rpc/topology.ts';

export class CeilingNotices {
  readonly #tell: (use: CeilingUse | null) => Promise<void>;
  readonly #waitUntil: (work: Promise<void>) => void;
  /** What the overview was told last; null: nothing, or that nothing is wrong. */
  #told: string | null = null;

  constructor(tell: (use: CeilingUse | null) => Promise<void>, waitUntil: (work: Promise<void>) => void) {
    this.#tell = tell;
    this.#waitUntil = waitUntil;
  }

  /** @param isChanged the ceiling is another one: what was told before this object woke may be wrong */
  note({ rowsPerHour, rowsThisHour, resetsAtMs }: CostStatus, isChanged = false): void {
    const twentieths = usedTwentieths(rowsThisHour, rowsPerHour);
    const next = twentieths === null ? null : `${resetsAtMs} ${rowsPerHour} ${twentieths}`;
    if (next === this.#told && !isChanged) return;
    this.#told = next;
    const use =
      next === null ? null : { ceiling: rowsPerHour!, written: rowsThisHour, resets_at: resetsAtMs };
    const told = this.#tell(use).catch((error: unknown) => {
      if (this.#told === next) this.#told = null; // the next report tries again
      console.error('the overview could not be told of the ceiling', error);
    });
    this.#waitUntil(told);
  }
}
