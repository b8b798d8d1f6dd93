/** Patterns of RabbitMQ's policies as globs: the same names match, or there is none. */

import { describe, expect, it } from 'vitest';
import { globOf } from '../../../gateway/amqp/definitions/policies.ts';
import { matchesPattern } from '../../../protocol/names/name-pattern.ts';

describe('the pattern of a policy', () => {
  it.each([
    ['', '*'],
    ['.*', '*'],
    ['^', '*'],
    ['^.*$', '*'],
    ['^jobs$', 'jobs'],
    ['^jobs\\.', 'jobs.*'],
    ['^jobs\\..*', 'jobs.*'],
    ['jobs', '*jobs*'],
    ['\\.retry$', '*.retry'],
    ['^a.b$', 'a?b'],
    ['^a.+$', 'a?*'],
    ['^two words-ü😀$', 'two words-ü😀'],
    ['^a/b:c_d@e$', 'a/b:c_d@e'],
    ['^amq\\.gen-', 'amq.gen-*'],
  ])('%j is the glob %j', (pattern, glob) => {
    expect(globOf(pattern)).toBe(glob);
  });

  it.each([
    '^(a|b)$',
    'a|b',
    '^[ab]',
    '^(?!amq\\.).*',
    'a*',
    'a+',
    'a?',
    '^a{2}$',
    '\\d+',
    '^\\w',
    'a\\$b',
    'a\\*b',
    'a\\?b',
    '^^a',
    'a$b',
    '.*?',
    '.+?',
    '.{3}',
    'a\\',
    '.**',
  ])('%j is none', (pattern) => {
    expect(globOf(pattern)).toBeNull();
  });

  it('matches the names that the regular expression matches', () => {
    const parts = ['', '^', '$', '.', '.*', '.+', 'a', 'b', 'ab', '\\.', '\\/', '|', '(', '[a]', 'a?', '😀'];
    const names = [
      '',
      'a',
      'b',
      'ab',
      'ba',
      'a.b',
      'a/b',
      '.a',
      'aab',
      'b😀',
      '😀',
      'abab',
      '/',
      '.',
      '$',
      '^a',
    ];
    for (const first of parts) {
      for (const second of parts) {
        for (const third of parts) {
          const text = first + second + third;
          const glob = globOf(text);
          if (glob === null) continue;
          const expression = new RegExp(text, 'us');
          for (const name of names) {
            expect([text, name, matchesPattern(glob, name)]).toEqual([text, name, expression.test(name)]);
          }
        }
      }
    }
  });
});
