/** The checker of the crash test notices each way to break a promise. */

import { describe, expect, it } from 'vitest';
import { Ledger, type FoundRecord } from './ledger.ts';

const at = (partition: number, offset: number, id: string, value = id): FoundRecord => ({
  partition,
  offset,
  id,
  value,
});

function ledger(): Ledger {
  const made = new Ledger();
  for (const id of ['a', 'b', 'c']) made.sent(id, id, 0);
  made.acknowledged('a', { partition: 0, offset: 0 });
  made.acknowledged('b', { partition: 0, offset: 1 });
  return made;
}

describe('Ledger', () => {
  it.each([
    ['what was acknowledged', [[at(0, 0, 'a'), at(0, 1, 'b')], []]],
    ['a record of unknown fate too', [[at(0, 0, 'a'), at(0, 1, 'b'), at(0, 2, 'c')], []]],
  ])('accepts %s', (_, found) => {
    expect(ledger().check(found)).toEqual([]);
  });

  it.each([
    ['a loss', [[at(0, 0, 'a')], []], 'b, acknowledged at 0/1, is lost'],
    ['a duplicate', [[at(0, 0, 'a'), at(0, 1, 'b'), at(0, 2, 'b')], []], 'b is at 0/2 and at 0/1'],
    [
      'a twice stored record of unknown fate',
      [[at(0, 0, 'a'), at(0, 1, 'b'), at(0, 2, 'c'), at(0, 3, 'c')], []],
      'c is at 0/3 and at 0/2',
    ],
    ['a move', [[at(0, 0, 'b'), at(0, 1, 'a')], []], 'a, acknowledged at 0/0, is at 0/1'],
    ['a gap', [[at(0, 0, 'a'), at(0, 1, 'b'), at(0, 3, 'c')], []], '0/3 is the 2th of its partition'],
    ['a change', [[at(0, 0, 'a', 'x'), at(0, 1, 'b')], []], 'a at 0/0 is not what was sent'],
    ['a stranger', [[at(0, 0, 'a'), at(0, 1, 'b'), at(0, 2, 'z')], []], 'z at 0/2 was never sent'],
    ['a wrong partition', [[at(0, 0, 'a'), at(0, 1, 'b')], [at(1, 0, 'c')]], 'c at 1/0 was sent to 0'],
  ])('notices %s', (_, found, broken) => {
    expect(ledger().check(found)).toContain(broken);
  });
});
