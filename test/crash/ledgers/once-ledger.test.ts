/** The checker of the crash test notices each way in which something is done with more or less than once. */

import { describe, expect, it } from 'vitest';
import { OnceLedger } from './once-ledger.ts';

function ledger(): OnceLedger {
  const made = new OnceLedger();
  for (const id of ['done', 'perhaps', 'unanswered', 'open']) made.sent(id);
  for (const id of ['done', 'perhaps']) {
    made.stored(id);
    made.delivered(id, 1);
  }
  made.done('done', 10);
  made.perhapsDone('perhaps');
  return made;
}

describe('OnceLedger', () => {
  it('accepts what was promised, and either fate of what was not answered', () => {
    expect(ledger().check()).toEqual([]);
    const again = ledger();
    again.delivered('perhaps', 30);
    again.done('perhaps', 40);
    again.delivered('unanswered', 30);
    expect(again.check()).toEqual([]);
  });

  it('accepts a delivery that was asked for before the answer', () => {
    const late = ledger();
    late.delivered('done', 9);
    expect(late.check()).toEqual([]);
  });

  it.each<[string, (made: OnceLedger) => void, string]>([
    ['a loss', (made) => made.stored('open'), 'open was stored and is lost'],
    [
      'a delivery after the end',
      (made) => made.delivered('done', 11),
      'done was delivered after it was done with',
    ],
    ['two ends', (made) => made.done('done', 20), 'done was done with twice'],
    ['what was never sent', (made) => made.delivered('ghost', 1), 'ghost was delivered and never sent'],
  ])('notices %s', (_, breaking, broken) => {
    const made = ledger();
    breaking(made);
    expect(made.check()).toEqual([broken]);
  });
});
