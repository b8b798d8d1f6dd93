/** What a queue reads from a stored record, as a table. */

import { describe, expect, it } from 'vitest';
import { expiryOf, isPlain, readMetadata } from '../../../../core/queue/state/message-metadata.ts';
import {
  DAMAGED_HEADER,
  DEATH_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  PROPERTY_HEADERS,
  textHeader,
} from '../../../../protocol/schemas/messages.ts';
import { bytesOf } from '../../../support/batches.ts';

const NOTHING = {
  timestampMs: 1_000,
  expirationMs: null,
  key: null,
  deliveriesBefore: 0,
  failuresBefore: 0,
  isDeadLetter: false,
  priority: 0,
  dueMs: null,
  messageId: null,
};

const HEADERS: [name: string, text: string, metadata: object, plain: boolean][] = [
  ['of-the-client', '7', {}, true],
  [PROPERTY_HEADERS.priority, '7', { priority: 7 }, true],
  [PROPERTY_HEADERS.message_id, 'a', { messageId: 'a' }, true],
  [PROPERTY_HEADERS.delay_ms, '50', { dueMs: 1_050 }, true],
  [PROPERTY_HEADERS.deliver_at, '5000', { dueMs: 5_000 }, true],
  [PROPERTY_HEADERS.expiration_ms, '0', { expirationMs: 0 }, false],
  [DELIVERIES_HEADER, '2', { deliveriesBefore: 2 }, false],
  [DELIVERIES_HEADER, '-2', {}, true],
  [DELIVERIES_HEADER, 'two', {}, true],
  [FAILURES_HEADER, '1', { failuresBefore: 1 }, true],
  [FAILURES_HEADER, '1.5', {}, true],
  [DEATH_HEADER, '{}', { isDeadLetter: true }, false],
  [DAMAGED_HEADER, 'corrupt', { damage: 'corrupt' }, false],
];

const read = (key: string | null, headers = [textHeader('a', 'b')]) =>
  readMetadata({ key: key === null ? null : bytesOf(key), timestamp: 1_000, headers });

describe('what a queue knows of a message', () => {
  it('without properties is when it was published', () => expect(read(null)).toEqual(NOTHING));

  it.each(HEADERS)('with the header %s: %s is %o, plain: %s', (name, text, metadata, plain) => {
    const known = read(null, [textHeader(name, text)]);
    expect(known).toEqual({ ...NOTHING, ...metadata });
    expect(isPlain(known)).toBe(plain);
  });

  it('with an ordering key is the key, up to 24 bytes, and then what stands for it', () => {
    expect(read('').key).toBe('');
    expect(read('k'.repeat(24)).key).toBe('k'.repeat(24));
    const long = read('k'.repeat(25)).key!;
    expect(long).toMatch(/^k{8}25\./);
    expect(read(`${'k'.repeat(24)}l`).key).not.toBe(long);
    expect(isPlain(read('k'))).toBe(false);
  });

  it('tells keys apart that are no text', () => {
    const keyOf = (...bytes: number[]) =>
      readMetadata({ key: new Uint8Array(bytes), timestamp: 0, headers: [] }).key;
    expect(keyOf(0xff)).not.toBe(keyOf(0xfe));
  });

  it.each([
    [null, null, Infinity],
    [50, null, 1_050],
    [null, 60, 1_060],
    [50, 60, 1_050],
    [70, 60, 1_060],
    [0, null, 1_000],
  ])(
    'says that with a time to live of %s in a queue with %s it expires at %s',
    (expirationMs, ttlMs, expected) => {
      expect(expiryOf({ timestampMs: 1_000, expirationMs }, ttlMs)).toBe(expected);
    },
  );
});
