/** Regular expressions of the broker: RE2's syntax, whole names, and no expression that takes long. */

import { describe, expect, it } from 'vitest';
import { PATTERN_LENGTH_MAX, TopicPattern } from '../../../../gateway/kafka/topics/topic-pattern.ts';

async function matched(text: string, names: readonly string[]): Promise<string[]> {
  const pattern = TopicPattern.compile(text);
  if (typeof pattern === 'string') throw new Error(pattern);
  return await pattern.matched(names);
}

describe('a topic pattern', () => {
  it.each([
    ['orders.*', ['orders', 'orders-eu']],
    ['orders', ['orders']],
    ['rder', []],
    ['(?i)ORDERS', ['orders']],
    ['bills|orders', ['orders', 'bills']],
    ['^bills$', ['bills']],
    ['\\pL+', ['orders', 'bills']],
    ['', []],
  ])('%j matches %j', async (text, names) => {
    expect(await matched(text, ['orders', 'orders-eu', 'bills'])).toEqual(names);
  });

  it.each(['[', '(?=a)', '(a)\\1', 'a{1001}', '((a{100}){10}){5}', 'a{0,900}b{0,900}c{0,900}'])(
    '%s is refused',
    (text) => expect(TopicPattern.compile(text)).toMatch(/regular expression/),
  );

  it('is refused if it is too long', () => {
    expect(TopicPattern.compile('a'.repeat(PATTERN_LENGTH_MAX + 1))).toContain('1000 are the most');
  });

  it('does not backtrack', async () => {
    const name = 'a'.repeat(249);
    expect(await matched('(a+)+b', [name])).toEqual([]);
    expect(await matched('(a|aa)+', [name])).toEqual([name]);
  });

  it('looks at each name once, while it is there', async () => {
    const pattern = TopicPattern.compile('o.*') as TopicPattern;
    const names = Array.from({ length: 100 }, (_, nth) => (nth % 2 === 0 ? `o${nth}` : `x${nth}`));
    const first = await pattern.matched(names);
    expect(first).toHaveLength(50);
    expect(await pattern.matched([...names, 'o-new'])).toEqual([...first, 'o-new']);
    expect(await pattern.matched([])).toEqual([]);
  });
});
