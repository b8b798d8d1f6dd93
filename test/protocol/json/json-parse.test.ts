/** JSON of a request: a text that needs no scan means the same as one that is scanned. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseJson } from '../../../protocol/json/json-parse.ts';

const encoder = new TextEncoder();
const scanned = (bytes: Uint8Array): unknown => parseJson(bytes, ['no member has this name']);
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

it.each<[what: string, bytes: Uint8Array]>([
  ['tags', encoder.encode('{"ack":["1-2-3","4-5-6"]}')],
  ['nothing', new Uint8Array()],
  ['a number', encoder.encode(' 1e3 ')],
  ['a comma too many', encoder.encode('{"ack":[1,]}')],
  ['what is open yet', encoder.encode('{"ack":[1')],
  ['more behind the end', encoder.encode('{} {}')],
  ['a control character', encoder.encode('["\n"]')],
  ['half of a surrogate pair', encoder.encode(String.raw`["\ud800"]`)],
  ['a space of JavaScript', encoder.encode('\u00a0{}')],
  ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
  ['neither UTF-8 nor JSON', new Uint8Array([0x5b, 0xff])],
  ['a byte order mark', new Uint8Array([...BYTE_ORDER_MARK, 0x31])],
  ['two byte order marks', new Uint8Array([...BYTE_ORDER_MARK, ...BYTE_ORDER_MARK, 0x31])],
  ['16 brackets', encoder.encode('['.repeat(16) + ']'.repeat(16))],
  ['17 brackets', encoder.encode('['.repeat(17) + ']'.repeat(17))],
  ['600 brackets', encoder.encode('['.repeat(600) + ']'.repeat(600))],
  ['brackets in a text', encoder.encode(JSON.stringify('[{'.repeat(300)))],
])('%s', (_, bytes) => {
  expect(parseJson(bytes)).toEqual(scanned(bytes));
});

it('any text', () => {
  const pieces = fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    '"',
    ':',
    ',',
    '1',
    '-',
    'null',
    ' ',
    '\\',
    '\\u',
    'dc00',
    'é',
    '\u2028',
  );
  const texts = fc.oneof(
    fc.json(),
    fc.array(pieces, { maxLength: 12 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = encoder.encode(text);
      expect(parseJson(bytes)).toEqual(scanned(bytes));
    }),
    { numRuns: 1_000 },
  );
});
