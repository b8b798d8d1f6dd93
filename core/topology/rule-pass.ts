/**
 * Rule pass: the way of policies and alert rules to the queues that they match, a slice of the queues at a time. One pass
 * applies all rules as they are when it comes to a queue. A change of a rule while a pass is under way does not begin
 * anew, which could keep the last queues waiting for ever: the pass goes on to the last name, then from the first to
 * where it was.
 */

export interface RulePass {
  /** The version of the oldest change of a rule that has not reached all queues. */
  readonly since: number;
  /** The name that was looked at last. */
  readonly after: string;
  /** Where it ends after it has gone on from the first name; null: at the last name. */
  readonly endAt: string | null;
  /** It still has to go on from the first name when it has reached the last. */
  readonly turns: boolean;
  /** Queues that the pass has looked at since the last change of a rule, and those that there were then. */
  readonly checked: number;
  readonly total: number;
}

/** How far a rule has come. */
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
 * The pass after a slice, or null when it is over.
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
