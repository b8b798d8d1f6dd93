/** The history of a dead letter, and whether it goes round in circles, as tables. */

import { describe, expect, it } from 'vitest';
import { isCycle, withEntry } from '../../../../core/queue/dead-letters/death-history.ts';
import { DEATH_HISTORY_MAX } from '../../../../protocol/limits.ts';
import type { DeathEntry, HistoryReason } from '../../../../protocol/schemas/dead-letters.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

/** A history, the last entry first: `a expired x2` died twice in queue a. */
function historyOf(text: string): DeathEntry[] {
  return text.split(',').flatMap((entry) => {
    const [queue = '', reason, times = 'x1'] = entry.trim().split(' ');
    if (queue === '') return [];
    return [{ queue, reason: reason as HistoryReason, count: Number(times.slice(1)), first: 1, last: 2 }];
  });
}

const textOf = (history: readonly DeathEntry[]): string =>
  history.map(({ queue, reason, count }) => `${queue} ${reason}${count > 1 ? ` x${count}` : ''}`).join(', ');

const ENTRIES = rowsOf<'history' | 'adds' | 'leaves' | 'because'>(`
  history                  | adds       | leaves                              | because
                           | a expired  | a expired                           | the first death
  a expired                | b expired  | b expired, a expired                | the last is the first
  a expired                | a maxlen   | a maxlen, a expired                 | another reason is another entry
  a expired                | a expired  | a expired x2                        | the same is counted
  b maxlen, a expired x2   | a expired  | a expired x3, b maxlen              | and comes to the front
  a expired                | a replayed | a replayed, a expired               | being sent back is noted alike
`);

const CYCLES = rowsOf<'history' | 'to' | 'cycle' | 'because'>(`
  history                          | to | cycle | because
                                   | a  | no    | it has never died
  a expired                        | b  | no    | another queue
  a expired                        | a  | yes   | where it died before
  b expired, a maxlen              | a  | yes   | also some deaths ago
  b delivery_limit, a expired      | a  | yes   | failing too often is the broker's doing
  b damaged, a expired             | a  | yes   | as is damage
  b rejected, a expired            | a  | no    | a consumer has rejected it since
  a rejected                       | a  | no    | or there
  a replayed, a expired            | a  | no    | somebody has sent it back since
  b expired, a replayed, a expired | a  | no    | and then it died elsewhere
  a expired, a replayed            | a  | yes   | but then it died here
`);

describe('a history', () => {
  it.each(ENTRIES)('"$history" and $adds is "$leaves": $because', ({ history, adds, leaves }) => {
    const [queue, reason] = adds.split(' ');
    expect(textOf(withEntry(historyOf(history), queue!, reason as HistoryReason, 9))).toBe(leaves);
  });

  it('keeps the time of the first, and has that of the last', () => {
    expect(withEntry(historyOf('a expired'), 'a', 'expired', 9)).toMatchObject([{ first: 1, last: 9 }]);
    expect(withEntry([], 'a', 'expired', 9)).toMatchObject([{ first: 9, last: 9 }]);
  });

  it('forgets the oldest above its limit', () => {
    let history: DeathEntry[] = [];
    for (let nth = 0; nth <= DEATH_HISTORY_MAX; nth++)
      history = withEntry(history, `q${nth}`, 'expired', nth);
    expect(history).toHaveLength(DEATH_HISTORY_MAX);
    expect([history[0]!.queue, history.at(-1)!.queue]).toEqual([`q${DEATH_HISTORY_MAX}`, 'q1']);
  });
});

describe('a circle', () => {
  it.each(CYCLES)('to $to after "$history": $cycle, $because', ({ history, to, cycle }) => {
    expect(isCycle(historyOf(history), to)).toBe(cycle === 'yes');
  });
});
