/** The shape of an example: what it is given, and what it proves. `npm run example -- NAME` runs one. */

import type { BrokerAddress } from '../scripts/broker/own-broker.ts';

export interface ExampleContext {
  /** A running broker. */
  broker: BrokerAddress;
  /** Prints a line for the person at the terminal. */
  say: (line: string) => void;
  /** Prints progress on one line that the next call replaces; on something else than a terminal it prints nothing. */
  progress: (line: string) => void;
  /** Fires on Ctrl-C. */
  signal: AbortSignal;
}

/** One statement about what happened, and whether it was true. */
export interface Proof {
  claim: string;
  holds: boolean;
}

/** Returns true when every proof holds, and prints each. */
export function conclude(say: ExampleContext['say'], proofs: readonly Proof[]): boolean {
  for (const { claim, holds } of proofs) say(`${holds ? '✓' : '✗'} ${claim}`);
  return proofs.every(({ holds }) => holds);
}

/** Returns a name that no other run of an example uses, so that runs on one broker do not meet. */
export function uniqueName(name: string): string {
  return `${name}-${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
}
