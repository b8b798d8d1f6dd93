import { expect, it } from 'vitest';
import {
  advancePass,
  beginPass,
  progressOf,
  type RulePass,
} from '../../../../core/topology/rules/rule-pass.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/** One slice of two names; what it has looked at is added to `seen`. */
function slice(pass: RulePass, seen: string[]): RulePass | null {
  const names = NAMES.filter((name) => name > pass.after).slice(0, 2);
  seen.push(...names);
  return advancePass(pass, names, names.at(-1) === NAMES.at(-1) || names.length < 2);
}

it('looks at every queue once', () => {
  const seen: string[] = [];
  let pass: RulePass | null = beginPass(null, 5, NAMES.length);
  expect(progressOf(pass, 5, 7)).toEqual({ queues_checked: 0, queues_total: 7, done: false });
  while (pass) pass = slice(pass, seen);
  expect(seen).toEqual(NAMES);
  expect(progressOf(null, 5, 7)).toEqual({ queues_checked: 7, queues_total: 7, done: true });
});

it.each([1, 2, 3])(
  'looks at every queue again after a change in its slice %d, without beginning anew',
  (slices) => {
    let pass: RulePass | null = beginPass(null, 5, NAMES.length);
    for (let count = 0; count < slices; count++) pass = pass && slice(pass, []);
    const seen: string[] = [];
    const first: string = pass!.after;
    pass = beginPass(pass, 9, NAMES.length);
    expect(progressOf(pass, 5, 7).done).toBe(false);
    while (pass) pass = slice(pass, seen);
    expect(seen[0]! > first).toBe(true);
    expect(new Set(seen)).toEqual(new Set(NAMES));
  },
);

it('does not call a rule unfinished that had reached all queues before the pass', () => {
  const pass = beginPass(null, 9, NAMES.length);
  expect([progressOf(pass, 8, 7).done, progressOf(pass, 9, 7).done]).toEqual([true, false]);
});
