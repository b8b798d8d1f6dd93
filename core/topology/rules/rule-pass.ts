/**
 * Rule pass: applies policies and alert rules to all queues, a slice of the queues at a time. At each queue it applies the
 * rules of that moment. A change of a rule does not restart the pass, because frequent changes could keep the last queues
 * waiting for ever. Instead the pass continues to the last name, and then from the first name to its old position.
 */

export interface RulePass {
  /** The version of the oldest change of a rule that has not reached all queues. */
  readonly since: number;
  /** The name that the pass has looked at last. */
  readonly after: string;
  /** The name at which it ends after it has begun again at the first name; null: it ends at the last name. */
  readonly endAt: string | null;
  /** True if it has to begin again at the first name when it has reached the last. */
  readonly turns: boolean;
  /** Queues that the pass has looked at since the last change of a rule, and those that there were then. */
  readonly checked: number;
  readonly total: number;
}

/** The progress of a rule. */
export interface RuleProgress {
  queues_checked: number;
  queues_total: number;
  done: boolean;
}

/** @param version of the change of a rule */
export function beginPass(running: RulePass | null, version: number, total: number): RulePass {
  if (running === null || running.after === '') {
    const since = running?.since ?? version;
    return { since, after: '', endAt: null, turns: false, checked: 0, total };
  }
  const { since, after } = running;
  return { since, after, endAt: after, turns: true, checked: 0, total };
}

/**
 * Returns the pass after a slice, or null if it is over.
 * @param names that the slice has looked at, in their order
 * @param isLast there are no names behind them
 */
export function advancePass(pass: RulePass, names: readonly string[], isLast: boolean): RulePass | null {
  const checked = pass.checked + names.length;
  const after = names.at(-1) ?? pass.after;
  if (!isLast) {
    const isRound = !pass.turns && pass.endAt !== null && after >= pass.endAt;
    return isRound ? null : { ...pass, after, checked };
  }
  return pass.turns ? { ...pass, after: '', turns: false, checked } : null;
}

/** @param version of the last change of the rule */
export function progressOf(pass: RulePass | null, version: number, queues: number): RuleProgress {
  if (pass === null || version < pass.since) {
    return { queues_checked: queues, queues_total: queues, done: true };
  }
  const { checked, total } = pass;
  return { queues_checked: Math.min(checked, total), queues_total: total, done: false };
}
