import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanJson, type JsonPath } from '../../../protocol/json/json-scan.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textsAt = (text: string, path: JsonPath): string[] => {
  const bytes = bytesOf(text);
  const scan = scanJson(bytes, 64, path);
  if ('fault' in scan) throw new Error(scan.fault);
  const texts: string[] = [];
  for (let i = 0; i < scan.spans.length; i += 2)
    texts.push(new TextDecoder().decode(bytes.subarray(scan.spans[i], scan.spans[i + 1])));
  return texts;
};
const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** Pieces of JSON that make JSON now and then, and something close to it mostly. */
const piece = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '"\\u00e9"',
    ' ',
    '\n',
    '\t',
    '\u00a0',
    '0',
    '-',
    '.',
    '12',
    '01',
  ],
  ...[
    'e',
    'E+',
    '1e400',
    'true',
    'fals',
    'null',
    '\\',
    '\\u',
    '\\ud800',
    '\\n',
    '\\x',
    'é',
    '\u0001',
    '"__proto__":',
  ],
);

describe('a scan', () => {
  it('takes what JSON.parse takes, and nothing else', () => {
    const nearly = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const cut = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', ',', ']', '1'))
      .map(([text, at, more]) => text.slice(0, at % (text.length + 1)) + more);
    fc.assert(
      fc.property(fc.oneof(nearly, cut, fc.json()), (text) => {
        expect(!('fault' in scanJson(bytesOf(text), 512)), text).toBe(isJson(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('finds the texts of values at a path, whatever lies around them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.json({ maxDepth: 2 })),
        fc.json(),
        fc.constantFrom('', ' ', '\r\n'),
        (values, other, space) => {
          const records = values.map(
            (text) => `{"x":${other},${space}"value"${space}:${space}${text}${space},"y":[${other}]}`,
          );
          const body = `{"value":${other},"records":[${records.join(space + ',')}],"last":${other}}`;
          expect(textsAt(body, ['records', null, 'value'])).toEqual(values);
        },
      ),
    );
  });

  it.each([
    ['an escaped name', String.raw`{"\u0076alue": 1}`, ['value'], ['1']],
    ['a name that occurs twice', '{"value": 1, "value": 2}', ['value'], ['1', '2']],
    ['a name deeper down', '{"a": {"value": 1}, "b": [{"value": 2}]}', ['value'], []],
    ['an array where an object should be', '{"message": [{"body": 1}]}', ['message', 'body'], []],
    ['an object where an array should be', '{"records": {"value": 1}}', ['records', null, 'value'], []],
    ['a value that is empty', '{"a": {"b": {}}, "c": {"b": 1}}', ['a', 'b'], ['{}']],
    ['an element', '[[1], 2]', [null], ['[1]', '2']],
  ] as const)('looks at %s as JSON.parse does', (_, text, path, found) => {
    expect(textsAt(text, path)).toEqual(found);
  });

  it('stops where the text nests too deep, and takes what is just deep enough', () => {
    expect(scanJson(bytesOf('['.repeat(8) + ']'.repeat(8)), 8)).toEqual({ spans: [] });
    expect(scanJson(bytesOf('['.repeat(9) + ']'.repeat(9)), 8)).toEqual({ fault: 'too_deep', at: 8 });
    expect(scanJson(bytesOf('{"a":'.repeat(9) + '1' + '}'.repeat(9)), 8)).toEqual({
      fault: 'too_deep',
      at: 40,
    });
  });
});
