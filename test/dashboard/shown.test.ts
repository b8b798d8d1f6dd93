/** What the dashboard makes of values and of dead letters, without a browser. */

import { catchUpText, trendOf } from '../../dashboard/data/lag-trend.ts';
import { describe, expect, it } from 'vitest';
import { editableOf, formOf, lineOf, textOf } from '../../dashboard/data/body.ts';
import { filterOf, groupsOf } from '../../dashboard/data/dead-letter-groups.ts';
import { ageText, bytesText, countText } from '../../dashboard/data/words.ts';
import type { DeadLetter } from '../../protocol/schemas/dead-letters.ts';

const bytes = (...units: number[]) => ({ $base64: Buffer.from(units).toString('base64') });

describe('a value', () => {
  it('is shown in the form that shows most of it', () => {
    expect(formOf({ a: 1 })).toBe('json');
    expect(formOf('a')).toBe('text');
    expect(formOf(bytes(0))).toBe('hex');
    expect(formOf(null)).toBe('json');
  });

  it('is read as JSON where a text holds some', () => {
    expect(textOf('{"a":1}', 'json')).toBe('{\n  "a": 1\n}');
    expect(textOf('{"a":', 'json')).toBe('"{\\"a\\":"');
    expect(textOf({ a: [1] }, 'text')).toBe('{"a":[1]}');
  });

  it('is shown as rows of bytes, with what can be printed', () => {
    const [first, second] = textOf(bytes(...Array.from({ length: 17 }, (_, n) => 60 + n)), 'hex').split('\n');
    expect(first).toBe('00000000  3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK');
    expect(second).toBe(`00000010  4c${' '.repeat(45)}  L`);
  });

  it('is cut where it is one line', () => {
    expect(lineOf('x'.repeat(300))).toBe(`${'x'.repeat(200)}…`);
    expect(lineOf(bytes(1, 255))).toBe('0x01 ff');
  });

  it('is edited as the JSON that the API takes', () => {
    for (const value of [{ a: 1 }, 'text', bytes(0, 1), null, 7]) {
      expect(JSON.parse(editableOf(value))).toEqual(value);
    }
  });
});

describe('dead letters', () => {
  const letter = (id: string, type: string | null, reason: string | null, queue: string | null): DeadLetter =>
    ({ id, error: { type }, metadata: { reason, original_queue: queue } }) as unknown as DeadLetter;

  it('of one error, reason and queue are a group, the largest first', () => {
    const groups = groupsOf([
      letter('1', 'A', 'rejected', 'q'),
      letter('2', 'B', 'rejected', 'q'),
      letter('3', 'B', 'rejected', 'q'),
      letter('4', 'B', 'expired', 'q'),
    ]);
    expect(groups.map(({ letters }) => letters.map(({ id }) => id))).toEqual([['2', '3'], ['1'], ['4']]);
  });

  it('are replayed by a filter, if the broker can say it', () => {
    expect(filterOf(groupsOf([letter('1', 'A', 'rejected', 'q')])[0]!)).toEqual({
      error_type: 'A',
      reason: 'rejected',
      original_queue: 'q',
    });
    expect(filterOf(groupsOf([letter('1', null, 'expired', 'q')])[0]!)).toBe(null);
  });
});

describe('numbers', () => {
  it('are told in words', () => {
    expect([0, 999, 1_000, 123_456, 9.5e9].map(bytesText)).toEqual([
      '0 B',
      '999 B',
      '1.0 KB',
      '123 KB',
      '9.5 GB',
    ]);
    expect(countText(1, 'message')).toBe('1 message');
    expect(countText(1_200, 'message')).toBe('1,200 messages');
    expect([5_000, 300_000, 7_200_000, 259_200_000].map((ms) => ageText(0, ms))).toEqual([
      '5 s',
      '5 min',
      '2 h',
      '3 d',
    ]);
  });
});

describe('the time to catch up', () => {
  const samples = (...lags: number[]) => lags.map((lag, index) => ({ atMs: index * 10_000, lag }));

  it('follows from how fast the lag shrinks', () => {
    expect(trendOf(samples(1_000))).toBeUndefined();
    expect(trendOf(samples(1_000, 900, 600))).toBe(20);
    expect(catchUpText(600, trendOf(samples(1_000, 900, 600)))).toBe('30 s');
    expect(catchUpText(36_000, 5)).toBe('2 h');
  });

  it('is never where the lag stands still or grows, and now where there is none', () => {
    expect(catchUpText(5, trendOf(samples(5, 5)))).toBe('never: it stands still');
    expect(catchUpText(9, trendOf(samples(5, 9)))).toBe('never: it falls behind');
    expect(catchUpText(0, undefined)).toBe('it is there');
    expect(catchUpText(7, undefined)).toBe('…');
  });
});
