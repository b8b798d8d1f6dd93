import { expect, it } from 'vitest';
import { routedHeaders } from '../../../core/exchange/routed-headers.ts';
import { EXCHANGE_HEADER } from '../../../protocol/headers/message-headers.ts';
import type { RecordHeader } from '../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../support/batches.ts';

const header = (key: string, value: string | null) => ({
  key,
  value: value === null ? null : bytesOf(value),
});

it.each<[RecordHeader[], object, string]>([
  [[header('a', '1')], { a: '1' }, 'text'],
  [[header('a', null)], { a: null }, 'no value'],
  [[header('a', '1'), header('a', '2')], { a: '2' }, 'the last of several'],
  [[header(EXCHANGE_HEADER, 'x'), header('a', '1')], { a: '1' }, 'none of the broker'],
  [[{ key: 'a', value: new Uint8Array([0xff]) }], { a: { $base64: '/w==' } }, 'bytes that are no text'],
  [[], {}, 'none'],
])('%#: headers are compared as %j: %s', (headers, expected) => {
  expect(routedHeaders(headers)).toEqual(expected);
});

it('a header may be named like what every object inherits', () => {
  expect(Object.keys(routedHeaders([header('__proto__', '1')]))).toEqual(['__proto__']);
});
