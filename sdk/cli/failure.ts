/** Failure: what ends a command, told to people with what to do about it, and to scripts with an exit code. */

import type { Outcome } from './exit-codes.ts';

export interface FailureOptions {
  /** What to do, one line each. */
  advice?: readonly string[];
  /** The stable code of the broker or the SDK. Default: the outcome. */
  code?: string;
  details?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

export class Failure extends Error {
  readonly outcome: Outcome;
  readonly advice: readonly string[];
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(outcome: Outcome, message: string, options: FailureOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.outcome = outcome;
    this.advice = options.advice ?? [];
    this.code = options.code ?? outcome.replace(' ', '_');
    this.details = options.details ?? {};
  }
}

export function usage(message: string, ...advice: string[]): Failure {
  return new Failure('usage', message, { advice });
}
