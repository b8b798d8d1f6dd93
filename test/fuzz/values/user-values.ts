/** What users may send as theirs: bodies, values and headers that are right, and hard to keep as they are. */

import type { Random } from '../../crash/random.ts';
import { RawJson } from '../requests/raw-json.ts';

const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)]!;

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** Deeper than a body may be. */
export const TOO_DEEP = nested(600);

/** Numbers that a double does not keep, or that it writes otherwise. */
export const RAW_NUMBERS = ['9007199254740993', '-9007199254740993', '1e400', '-0', '1.0', '1E1', '0.10e1'];

const RAW_VALUES = [
  ...RAW_NUMBERS,
  '123456789012345678901234567890.123456789',
  '{"id":9007199254740993,"rate":1e400,"zero":-0}',
  '{"b":1,"10":2,"a":3,"9":4,"-1":5}',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":1}}',
  '{"a":1,"a":2}',
  '{ "spaced" : [ 1 , 2 ] }',
  '"\\u0061\\/\\ud83d\\ude80"',
  '"\\ud800"',
  '{"\\udfff":"\\ud800\\ud800"}',
  '"\u2028\u0000'.replace('\u0000', '\\u0000') + '"',
  nested(400),
  '{"a":'.repeat(200) + '1' + '}'.repeat(200),
];

const VALUES: readonly unknown[] = [
  'text',
  '',
  7,
  null,
  false,
  {},
  [],
  { a: [1, 'b'] },
  { $base64: 'AAEC' },
  // Bytes that are empty, that are `null`, and that are JSON.
  { $base64: '' },
  { $base64: 'bnVsbA==' },
  { $base64: 'eyJhIjoxfQ==' },
  { $base64: Buffer.from('{"$base64":"AA=="}').toString('base64') },
  { $base64: Buffer.from(TOO_DEEP).toString('base64') },
];

/** A value that is taken. */
export function userValue(random: Random): unknown {
  return random() < 0.5 ? new RawJson(pick(random, RAW_VALUES)) : pick(random, VALUES);
}

const VALUES_OF_HEADERS: readonly unknown[] = [
  '',
  'a',
  '007',
  'ключ 🚀',
  null,
  { $base64: '/w==' },
  ['a', null, 'a', { $base64: '/w==' }],
  Array.from({ length: 900 }, (_, index) => String(index)),
];

export const HEADER_NAMES = ['a', 'trace-id', 'x-match', '__proto__', 'constructor', '10', '9', '', 'ключ'];

/** Headers that are taken; undefined: none. */
export function userHeaders(random: Random): object | undefined {
  if (random() < 0.5) return undefined;
  const names = [pick(random, HEADER_NAMES), pick(random, HEADER_NAMES)];
  // Not two that are long.
  const values = [pick(random, VALUES_OF_HEADERS), pick(random, VALUES_OF_HEADERS.slice(0, -1))];
  return Object.fromEntries(names.map((name, index) => [name, values[index]])) as object;
}

/** A message that a queue takes, of any priority. */
export function userMessage(random: Random): object {
  return {
    body: userValue(random),
    headers: userHeaders(random),
    properties: random() < 0.5 ? undefined : { priority: pick(random, [0, 1, 15, 16, 30, 31]) },
  };
}
