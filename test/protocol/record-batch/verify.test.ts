import { describe, expect, it } from 'vitest';
import {
  encodeBatch,
  setProducer,
  stampAppendTime,
  verifyBatch,
} from '../../../protocol/record-batch/index.ts';
import { codeOf, concat, dataView, fixCrc, ok, plain, rawBatch, utf8 } from './support/helpers.ts';

const small = encodeBatch(
  [
    { key: utf8('a'), value: utf8('1'), timestamp: 1000, headers: [{ key: 'h', value: utf8('x') }] },
    { key: utf8('b'), value: null, timestamp: 900 },
    { key: null, value: utf8(''), timestamp: 2000 },
  ],
  { producerId: 5, producerEpoch: 0, baseSequence: 0 },
);

/** Bodies are: attributes, timestamp delta, offset delta, key, value, headers. 1 is the varint -1, 2 is 1, 0 is 0. */
const first = [0, 0, 0, 1, 1, 0];
const second = [0, 0, 2, 1, 1, 0];
const third = [0, 0, 4, 1, 1, 0];
const sixth = [0, 0, 10, 1, 1, 0];

describe('verifyBatch', () => {
  it('detects every change of a byte from the CRC on', () => {
    for (let at = 17; at < small.length; at++) {
      for (let flip = 1; flip < 256; flip++) {
        const batch = plain(small);
        batch[at]! ^= flip;
        // A changed compression type can be named before the CRC is looked at; it is refused all the same.
        const code = codeOf(verifyBatch(batch, 0));
        expect(['corrupt_batch', 'unsupported_compression', 'invalid_batch']).toContain(code);
        if (at < 21 || at > 60) expect(code).toBe('corrupt_batch');
      }
    }
  });

  it('takes the bytes after the batch for the next batch', () => {
    expect(ok(verifyBatch(concat(small, utf8('more')), 0)).recordCount).toBe(3);
  });

  it.each<[string, Uint8Array]>([
    ['one bare record', rawBatch([first])],
    ['two', rawBatch([first, second])],
    ['a key and a value of no bytes', rawBatch([[0, 0, 0, 0, 0, 0]])],
    ['a header of no name and a null value', rawBatch([[0, 0, 0, 1, 1, 2, 0, 1]])],
    ['record attributes, which mean nothing', rawBatch([[0xff, 0, 0, 1, 1, 0]])],
    ['a varint in more bytes than it needs', rawBatch([[0, 0x80, 0, 0x80, 0x80, 0x80, 0x80, 0, 1, 1, 0]])],
    ['timestamp -1, none', rawBatch([first], { baseTimestamp: -1n, maxTimestamp: -1n })],
    [
      'a timestamp delta of ten bytes that is -1',
      rawBatch([[0, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 1, 1, 0]], {
        maxTimestamp: 999n,
      }),
    ],
  ])('accepts %s', (_, batch) => {
    expect(codeOf(verifyBatch(batch, 0))).toBe('ok');
  });

  it.each<[string, RegExp, Uint8Array]>([
    ['no records', /0 records/, rawBatch([], { lastOffsetDelta: 0 })],
    [
      'a count above the records',
      /3 records in 14 bytes/,
      rawBatch([first, second], { recordCount: 3, lastOffsetDelta: 2 }),
    ],
    [
      'a count far above',
      /2147483647 records in/,
      rawBatch([first], { recordCount: 0x7fff_ffff, lastOffsetDelta: 0x7fff_fffe }),
    ],
    [
      'a count below the records',
      /7 bytes after/,
      rawBatch([first, second], { recordCount: 1, lastOffsetDelta: 0 }),
    ],
    ['bytes after the records', /1 bytes after/, rawBatch([first], {}, [0])],
    ['a last offset delta above the count', /last offset delta 1/, rawBatch([first], { lastOffsetDelta: 1 })],
    [
      'a last offset delta below the count',
      /last offset delta 0/,
      rawBatch([first, second], { lastOffsetDelta: 0 }),
    ],
    ['an offset delta that starts at 1', /offset delta 1/, rawBatch([second])],
    ['an offset delta twice', /offset delta 0 where 1 was due/, rawBatch([first, first])],
    ['a gap of offset deltas', /offset delta 2/, rawBatch([first, [0, 0, 4, 1, 1, 0]])],
    ['a negative offset delta', /offset delta -1/, rawBatch([[0, 0, 1, 1, 1, 0]])],
    ['maxTimestamp above the largest', /maxTimestamp 1001/, rawBatch([first], { maxTimestamp: 1001n })],
    ['maxTimestamp below the largest', /maxTimestamp 999/, rawBatch([first], { maxTimestamp: 999n })],
    ['no maxTimestamp', /maxTimestamp -1/, rawBatch([first], { maxTimestamp: -1n })],
    ['a timestamp before 1970', /timestamp out of range/, rawBatch([first], { baseTimestamp: -2n })],
    [
      'a timestamp beyond 2^53',
      /timestamp out of range/,
      rawBatch([[0, 2, 0, 1, 1, 0]], { baseTimestamp: 2n ** 53n - 1n }),
    ],
    [
      'a timestamp delta beyond 2^53, which would round into range',
      /timestamp out of range/,
      // Zigzag of 2^53 + 1 in eight groups of seven bits.
      rawBatch([[0, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 1, 1, 0]], {
        baseTimestamp: -(2n ** 53n) + 1n,
        maxTimestamp: 2n,
      }),
    ],
    [
      'a timestamp delta of eleven bytes',
      /malformed/,
      rawBatch([[0, ...Array<number>(10).fill(0x80), 0, 0, 1, 1, 0]]),
    ],
    [
      'a timestamp delta of 65 bits',
      /malformed/,
      rawBatch([[0, ...Array<number>(9).fill(0x80), 2, 0, 1, 1, 0]]),
    ],
    [
      'an offset delta of six bytes',
      /malformed/,
      rawBatch([[0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 1, 1, 0]]),
    ],
    ['an offset delta of 33 bits', /malformed/, rawBatch([[0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 1, 0]])],
    ['key length -2', /malformed key/, rawBatch([[0, 0, 0, 3, 1, 0]])],
    ['a key longer than the record', /malformed value/, rawBatch([[0, 0, 0, 20, 1, 0]])],
    ['a key of 2 GiB', /malformed value/, rawBatch([[0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0]])],
    ['a key that runs into the next record', /malformed value/, rawBatch([[0, 0, 0, 12, 1, 0], second])],
    ['value length -2', /malformed value/, rawBatch([[0, 0, 0, 1, 3, 0]])],
    ['a value longer than the record', /malformed headers count/, rawBatch([[0, 0, 0, 1, 20, 0]])],
    ['a record without headers count', /1 records in 6 bytes/, rawBatch([[0, 0, 0, 1, 1]])],
    ['headers count -1', /malformed headers count/, rawBatch([[0, 0, 0, 1, 1, 1]])],
    [
      'a headers count of 2^31 - 1',
      /malformed headers/,
      rawBatch([[0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f]]),
    ],
    ['fewer headers than counted', /malformed headers/, rawBatch([[0, 0, 0, 1, 1, 4, 0, 1]])],
    ['more headers than counted', /differs from its content/, rawBatch([[0, 0, 0, 1, 1, 2, 0, 1, 0, 1]])],
    ['a null header name', /malformed headers/, rawBatch([[0, 0, 0, 1, 1, 2, 1, 1]])],
    ['a header name beyond the record', /malformed headers/, rawBatch([[0, 0, 0, 1, 1, 2, 20, 1]])],
    ['header value length -2', /malformed headers/, rawBatch([[0, 0, 0, 1, 1, 2, 0, 3]])],
    ['a header value beyond the record', /malformed headers/, rawBatch([[0, 0, 0, 1, 1, 2, 0, 20]])],
    ['a record that is longer than its content', /differs from its content/, rawBatch([[...first, 0]])],
    ['a record of length 0', /cannot be/, rawBatch([[], first], { recordCount: 1, lastOffsetDelta: 0 })],
    [
      'a record that ends after the batch',
      /cannot be/,
      rawBatch([], { recordCount: 1, lastOffsetDelta: 0 }, [14, ...first]),
    ],
    [
      'a record of negative length',
      /cannot be/,
      rawBatch([], { recordCount: 1, lastOffsetDelta: 0 }, [13, ...first]),
    ],
    [
      'a batch that ends in a length',
      /cannot be/,
      rawBatch([], { recordCount: 1, lastOffsetDelta: 0 }, Array<number>(7).fill(0x80)),
    ],
  ])('refuses %s', (_, message, batch) => {
    const result = verifyBatch(batch, 0);
    expect(result).toMatchObject({
      code: 'invalid_batch',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each<[string, string, (view: DataView) => void]>([
    ['a producer id of -2', 'invalid_batch', (v) => v.setBigInt64(43, -2n)],
    ['a producer id without epoch', 'invalid_batch', (v) => v.setInt16(51, -1)],
    ['a producer id without sequence', 'invalid_batch', (v) => v.setInt32(53, -1)],
    ['a marker, which has no sequence', 'ok', (v) => (v.setInt32(53, -1), v.setInt16(21, 0x30))],
    ['a transaction', 'ok', (v) => v.setInt16(21, 0x10)],
    [
      'a transaction without producer',
      'invalid_batch',
      (v) => (v.setBigInt64(43, -1n), v.setInt16(21, 0x10)),
    ],
    ['no producer', 'ok', (v) => v.setBigInt64(43, -1n)],
    ['unused attributes', 'ok', (v) => v.setInt16(21, 0x7f80)],
  ])('says of %s: %s', (_, code, change) => {
    const batch = plain(small);
    change(dataView(batch));
    fixCrc(batch);
    expect(codeOf(verifyBatch(batch, 0))).toBe(code);
  });

  it('leaves maxTimestamp to the log where the log set it', () => {
    const batch = plain(small);
    stampAppendTime(batch, 0, 5);
    expect(ok(verifyBatch(batch, 0)).maxTimestamp).toBe(5);
    setProducer(batch, 0, { id: -1, epoch: -1, sequence: -1 });
    expect(codeOf(verifyBatch(batch, 0))).toBe('ok');
  });

  describe('with allowGaps', () => {
    it.each<[string, string, Uint8Array]>([
      ['a dense batch', 'ok', rawBatch([first, second])],
      ['a batch that lost its first and last', 'ok', rawBatch([second], { lastOffsetDelta: 7 })],
      ['a batch that lost all', 'ok', rawBatch([], { lastOffsetDelta: 7 })],
      ['deltas that grow unevenly', 'ok', rawBatch([first, third, sixth], { lastOffsetDelta: 7 })],
      ['deltas that fall', 'invalid_batch', rawBatch([second, first])],
      [
        'deltas that fall after a gap',
        'invalid_batch',
        rawBatch([first, sixth, third], { lastOffsetDelta: 7 }),
      ],
      ['a delta twice', 'invalid_batch', rawBatch([third, third], { lastOffsetDelta: 7 })],
      ['a delta past the last', 'invalid_batch', rawBatch([second], { lastOffsetDelta: 0 })],
    ])('says of %s: %s', (_, code, batch) => {
      expect(codeOf(verifyBatch(batch, 0, { allowGaps: true }))).toBe(code);
    });
  });
});
