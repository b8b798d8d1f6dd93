import { describe, expect, it } from 'vitest';
import { forwardedRecord } from '../../../core/subscription/forwarded-record.ts';
import { BROKER_HOPS_MAX } from '../../../protocol/limits.ts';
import { HOPS_HEADER, PROPERTY_HEADERS, textHeader } from '../../../protocol/schemas/messages.ts';

const record = (headers: Record<string, string>, key: Uint8Array | null = null) => ({
  offset: 3,
  timestamp: 1_000,
  key,
  value: null,
  headers: Object.entries(headers).map(([name, text]) => textHeader(name, text)),
});
const textsOf = (forwarded: ReturnType<typeof forwardedRecord>) =>
  Object.fromEntries(forwarded!.headers.map(({ key, value }) => [key, new TextDecoder().decode(value!)]));

describe('a forwarded record', () => {
  const headers = { own: 'kept', [PROPERTY_HEADERS.priority]: '3', [PROPERTY_HEADERS.delay_ms]: '1000' };

  it('is not delayed again, and counts a hop', () => {
    expect(textsOf(forwardedRecord(record(headers), 'queue', 'queue'))).toEqual({
      own: 'kept',
      [PROPERTY_HEADERS.priority]: '3',
      [HOPS_HEADER]: '1',
    });
  });

  it('leaves behind what a producer of a topic could have made up for a queue', () => {
    expect(textsOf(forwardedRecord(record(headers), 'topic', 'queue'))).toEqual({
      own: 'kept',
      [HOPS_HEADER]: '1',
    });
  });

  it('has no key that is too long for a queue', () => {
    const long = record({}, new Uint8Array(100_000));
    expect(forwardedRecord(long, 'topic', 'queue')!.key).toBeNull();
    expect(forwardedRecord(long, 'topic', 'topic')!.key).toHaveLength(100_000);
  });

  it('is none of a message that goes round in circles', () => {
    expect(forwardedRecord(record({ [HOPS_HEADER]: String(BROKER_HOPS_MAX) }), 'topic', 'topic')).toBeNull();
  });
});
