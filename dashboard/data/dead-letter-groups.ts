/** Dead letters by what killed them: those of one error, reason and queue are one group. */

import type { DeadLetter } from '../../protocol/schemas/dead-letters.ts';

export interface DeadLetterGroup {
  readonly key: string;
  readonly errorType: string | null;
  readonly reason: string | null;
  readonly originalQueue: string | null;
  /** In the order of the list. */
  readonly letters: readonly DeadLetter[];
}

/** The largest first. */
export function groupsOf(letters: readonly DeadLetter[]): DeadLetterGroup[] {
  const groups = new Map<string, DeadLetterGroup & { letters: DeadLetter[] }>();
  for (const letter of letters) {
    const { reason, original_queue: originalQueue } = letter.metadata;
    const errorType = letter.error.type;
    const key = JSON.stringify([errorType, reason, originalQueue]);
    const known = groups.get(key);
    if (known) known.letters.push(letter);
    else groups.set(key, { key, errorType, reason, originalQueue, letters: [letter] });
  }
  return [...groups.values()].sort((a, b) => b.letters.length - a.letters.length);
}

/** What a replay of the whole group asks for, also of those that no page has shown; null: the broker cannot say it. */
export function filterOf({
  errorType,
  reason,
  originalQueue,
}: DeadLetterGroup): Record<string, string> | null {
  if (errorType === null || reason === null) return null;
  return {
    error_type: errorType,
    reason,
    ...(originalQueue !== null && { original_queue: originalQueue }),
  };
}
