/** Faults that are planted in the product or the platform, to show that a checker notices. */

import type { Patch } from '../platform/bundle.ts';

export interface Mutant {
  name: string;
  /** The checker that has to notice. */
  checker: string;
  patches?: readonly Patch[];
  /** False: replies leave before what they say is durable. */
  hasOutputGate?: boolean;
}

export const MUTANTS: readonly Mutant[] = [];
