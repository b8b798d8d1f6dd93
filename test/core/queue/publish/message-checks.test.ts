/** What is wrong with a message, in words, and where it stands. */

import { describe, expect, it } from 'vitest';
import { at, recordProblem, tooLarge, tooMany } from '../../../../core/queue/publish/message-checks.ts';
import { ORDERING_KEY_BYTES_MAX, RECORD_BYTES_MAX } from '../../../../protocol/limits.ts';
import { bytesOf } from '../../../support/batches.ts';

const record = (headers: Record<string, string | null> = {}, key: string | null = null) => ({
  key: key === null ? null : bytesOf(key),
  timestamp: 1_000,
  headers: Object.entries(headers).map(([name, value]) => ({
    key: name,
    value: value === null ? null : bytesOf(value),
  })),
});

describe('a message', () => {
  it.each([
    ['nothing special', record()],
    ['headers of its own', record({ a: 'b', c: null })],
    ['properties', record({ ':priority': '9', ':expiration-ms': '5', ':message-id': 'm' })],
    ['an ordering key', record({}, 'k'.repeat(ORDERING_KEY_BYTES_MAX))],
  ])('with %s is good', (_, good) => {
    expect(recordProblem(good)).toBeNull();
  });

  it.each([
    ['too long a key', record({}, 'k'.repeat(ORDERING_KEY_BYTES_MAX + 1)), 'the key has'],
    ['an unknown property', record({ ':nothing': '1' }), "are the broker's"],
    ['a property without a value', record({ ':message-id': null }), 'has no value'],
    ['a number that is none', record({ ':priority': 'high' }), 'not an integer'],
    ['too high a priority', record({ ':priority': '99' }), ':priority is not from 0'],
    ['a key and a priority', record({ ':priority': '3' }, 'k'), 'key'],
  ])('with %s is refused', (_, wrong, says) => {
    expect(recordProblem(wrong)).toContain(says);
  });

  it('has a size, a number among others, and a place', () => {
    const small = { key: null, value: bytesOf('x'), timestamp: 0 };
    expect(tooLarge(small)).toBeNull();
    const large = tooLarge({ ...small, value: new Uint8Array(RECORD_BYTES_MAX) });
    expect(large).toMatchObject({ code: 'record_too_large', details: { bytes_max: RECORD_BYTES_MAX } });
    expect(tooMany(1_000_000)).toMatchObject({ code: 'too_many_records' });
    expect(at(3, large!)).toMatchObject({
      code: 'record_too_large',
      message: expect.stringMatching(/^message 3: /) as string,
      details: { bytes_max: RECORD_BYTES_MAX, index: 3 },
    });
  });
});
