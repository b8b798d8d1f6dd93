import { expect, it } from 'vitest';
import { isIdle, LISTED_FOR_MS, NEVER_LISTED, takenOff } from '../../../core/transaction/listing.ts';
import { initialise, type Transaction } from '../../../core/transaction/transaction.ts';

const empty = initialise<string>(null, 'job', 60_000, 7);

it.each<[Transaction<string>['phase'], number, boolean, string]>([
  ['empty', LISTED_FOR_MS, true, 'nothing has been open for an hour'],
  ['empty', LISTED_FOR_MS - 1, false, 'a millisecond is left'],
  ['open', LISTED_FOR_MS, false, 'one is open'],
  ['ending', LISTED_FOR_MS, false, 'or ends'],
])('an id whose transaction is %s, %i ms after it was used, is idle: %s, %s', (phase, nowMs, expected) => {
  expect(isIdle({ ...empty, phase }, { number: 1, isListed: true, usedMs: 0 }, nowMs)).toBe(expected);
});

it('an id that is taken off gets another number, whether it was known to be listed or not', () => {
  expect(takenOff({ number: 4, isListed: true, usedMs: 9 })).toEqual({
    number: 5,
    isListed: false,
    usedMs: 9,
  });
  expect(takenOff(NEVER_LISTED)).toMatchObject({ number: 2, isListed: false });
});
