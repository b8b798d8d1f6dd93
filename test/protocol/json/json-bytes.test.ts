import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../protocol/errors.ts';
import { bytesOfValue, valueOfBytes } from '../../../protocol/json/json-bytes.ts';
import { parseJson, parseJsonText } from '../../../protocol/json/json-parse.ts';
import { JsonText, writeJson } from '../../../protocol/json/json-text.ts';
import { JSON_DEPTH_MAX } from '../../../protocol/limits.ts';
import { cpuMsOf } from '../../support/cpu-time.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** What a record stores of a value in a request, and what a reader gets of it. */
function stored(text: string): Uint8Array | null | undefined {
  const parsed = parseJson(bytesOf(`{"value": ${text} }`), ['value']);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return bytesOfValue((parsed.json as { value: unknown }).value);
}
const shown = (bytes: Uint8Array | null): string => writeJson(valueOfBytes(bytes));

const EXACT = [
  '{"id": 9007199254740993}',
  '1e400',
  '-0',
  '1.0',
  '0.1000000000000000055511151231257827',
  '{"2":1,"1":2,"b":3,"a":4}',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1},"constructor":2}',
  String.raw`"\ud800 \u00e9 \/"`,
  '[ 1 ,\n\t2 ]',
  '"\u00e9\u2028"',
];

describe('a value', () => {
  it.each(EXACT)('is stored and shown as the text that it was: %s', (text) => {
    expect(stored(text)).toEqual(bytesOf(text));
    expect(shown(bytesOf(text))).toBe(text);
  });

  it('is known apart: no value, the bytes of null, and an object that looks like bytes', () => {
    expect(stored('null')).toBeNull();
    expect(shown(null)).toBe('null');
    for (const text of ['null', ' null\n', '{"$base64":"AAEC"}', String.raw`{"a":1,"\u0024base64":2}`]) {
      const once = shown(bytesOf(text));
      expect(once).toBe(JSON.stringify({ $base64: btoa(text) }));
      expect(stored(once)).toEqual(bytesOf(text));
    }
    expect(shown(bytesOf('{"a":{"$base64":"AAEC"}}'))).toBe('{"a":{"$base64":"AAEC"}}');
  });

  it('is shown as bytes where it cannot be shown as JSON', () => {
    for (const bytes of [
      new Uint8Array(),
      bytesOf('{"a":'),
      bytesOf('1 2'),
      bytesOf('NaN'),
      new Uint8Array([0x22, 0xff, 0x22]),
      new Uint8Array([0xef, 0xbb, 0xbf, 0x31]),
      bytesOf(nested(JSON_DEPTH_MAX + 1)),
      bytesOf(nested(5_200)),
    ]) {
      const text = shown(bytes);
      expect(JSON.parse(text)).toEqual({ $base64: expect.any(String) as string });
      expect(stored(text)).toEqual(bytes);
    }
  });

  it('comes back as it was, whatever it is, when it is sent as it was shown', () => {
    const value = fc.oneof(
      fc.json().map(bytesOf),
      fc.uint8Array(),
      fc.constantFrom(...EXACT, 'null', '{"$base64":"QQ=="}').map(bytesOf),
    );
    fc.assert(
      fc.property(value, (bytes) => {
        expect(stored(shown(bytes))).toEqual(bytes);
      }),
    );
  });

  it('that claims to be bytes and is not is told apart', () => {
    for (const text of [
      '{"$base64": "A"}',
      '{"$base64": 1}',
      '{"$base64": "QQ==", "more": 1}',
      '{"$base64": "QQ= "}',
    ])
      expect(stored(text)).toBeUndefined();
    expect(stored(`{"$base64": "${'AAAA'.repeat(3_000_000)}"}`)).toHaveLength(9_000_000);
  });
});

describe('a body', () => {
  it.each([nested(JSON_DEPTH_MAX + 1), '[{"a":'.repeat(500_000), nested(4_000_000)])(
    'that nests too deep is refused at once',
    (text) => {
      const cpuMs = cpuMsOf(() => {
        expect(parseJson(bytesOf(text))).toMatchObject({
          code: 'malformed_json',
          details: { depth_max: JSON_DEPTH_MAX },
        });
      });
      expect(cpuMs).toBeLessThan(1_000);
    },
  );

  it('with half of a surrogate pair outside of values is refused', () => {
    for (const text of [
      String.raw`{"\ud800": 1}`,
      String.raw`{"a": ["\udfff\ud800"]}`,
      String.raw`{"a": "\uD83d"}`,
    ])
      expect(parseJsonText(text)).toMatchObject({ code: 'invalid_field' });
    expect(parseJsonText(String.raw`{"a": "\ud83d\ude00 \\ud800"}`)).toEqual({
      json: { a: '\u{1f600} \\ud800' },
    });
    expect(isFailure(parseJsonText(String.raw`{"value": "\ud800"}`, ['value']))).toBe(false);
  });

  it('keeps the last of a value that is there twice', () => {
    const parsed = parseJsonText(
      '{"records": [{"value": 1}], "records": [{"value": 2, "value": 3}, 4, {}]}',
      ['records', null, 'value'],
    );
    expect(writeJson((parsed as { json: unknown }).json)).toBe('{"records":[{"value":3},4,{}]}');
  });
});

describe('writing', () => {
  it('is as JSON.stringify, with texts as they are and maps in their order', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(writeJson(value)).toBe(JSON.stringify(value));
      }),
    );
    expect(
      writeJson({
        a: undefined,
        b: [undefined, JsonText.ofText('1.0')],
        c: new Map<string, unknown>([
          ['2', 1],
          ['1', '\ud800'],
        ]),
      }),
    ).toBe(String.raw`{"b":[null,1.0],"c":{"2":1,"1":"\ud800"}}`);
  });
});
