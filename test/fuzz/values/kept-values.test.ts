/** The comparison of what is read with what was sent finds what a reader of numbers and objects would not. */

import { expect, it } from 'vitest';
import { KeptValues, MARK } from './kept-values.ts';
import { eachObject, jsonOf, RawJson } from '../requests/raw-json.ts';

/** What is said of a record that was sent with `sent` and is read as `got`. */
function said(sent: object, got: object): string[] {
  const kept = new KeptValues();
  kept.mark('produce', { records: [{ headers: {}, ...sent }] });
  const headers = { [MARK]: '1' };
  return kept.check(jsonOf({ records: [{ offset: 0, ...got, headers: { ...headers, ...headersOf(got) } }] }))
    .wrong;
}

const headersOf = (item: object): object => ('headers' in item ? (item.headers as object) : {});

it.each([
  ['9007199254740993', '9007199254740992'],
  ['1e400', 'null'],
  ['-0', '0'],
  ['1.0', '1'],
  ['{"10":1,"9":2}', '{"9":2,"10":1}'],
  ['{"__proto__":1}', '{}'],
  ['"\\ud800"', '"\ufffd"'],
  ['null', '{"$base64":"bnVsbA=="}'],
])('tells %s from %s', (sent, got) => {
  expect(said({ value: new RawJson(sent) }, { value: new RawJson(sent) })).toEqual([]);
  expect(said({ value: new RawJson(sent) }, { value: new RawJson(got) })).toHaveLength(1);
});

it('takes bytes that are JSON as that JSON', () => {
  const value = { $base64: Buffer.from('{"a": 1}').toString('base64') };
  expect(said({ value }, { value })).toEqual([]);
  expect(said({ value }, { value: new RawJson('{"a": 1}') })).toEqual([]);
  expect(said({ value }, { value: new RawJson('{"a":1}') })).toHaveLength(1);
});

it('compares bytes, not how base64 may write them', () => {
  expect(said({ value: { $base64: '/x==' } }, { value: { $base64: '/w==' } })).toEqual([]);
  expect(said({ value: { $base64: '/x==' } }, { value: { $base64: '/x==' } })).toEqual([]);
  expect(said({ value: { $base64: '/w==' } }, { value: { $base64: '/g==' } })).toHaveLength(1);
});

it('misses a header that is gone, one of its values, and one named __proto__', () => {
  const named = (value: unknown): object => Object.fromEntries([['__proto__', value]]) as object;
  const record = { value: 1, headers: named(['a', null]) };
  expect(said(record, record)).toEqual([]);
  expect(said(record, { value: 1 })).toHaveLength(1);
  expect(said(record, { value: 1, headers: named('a') })).toHaveLength(1);
});

it('reads each member of each object as its text', () => {
  const seen: [string, string][][] = [];
  eachObject('{"a" : [ {"b":"}\\"]"}, 1.0 ],"a\\u0062":{ },"c":-0}', (members) => seen.push([...members]));
  expect(seen).toEqual([
    [['b', '"}\\"]"']],
    [],
    [
      ['a', '[ {"b":"}\\"]"}, 1.0 ]'],
      ['ab', '{ }'],
      ['c', '-0'],
    ],
  ]);
});
