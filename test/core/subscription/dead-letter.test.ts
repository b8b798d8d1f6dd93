import { describe, expect, it } from 'vitest';
import { detailsOf } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import { pushDeadLetter } from '../../../core/subscription/dead-letter.ts';
import { BROKER_HOPS_MAX } from '../../../protocol/limits.ts';
import { HOPS_HEADER, textHeader } from '../../../protocol/schemas/messages.ts';

const record = (headers: [string, string][]) => ({
  offset: 7,
  timestamp: 1_000,
  key: null,
  value: new Uint8Array([1]),
  headers: headers.map(([name, text]) => textHeader(name, text)),
});
const origin = { subscription: 'push', topic: 'clicks', partition: 3 };
const attempts = { attempts: 4, firstMs: 2_000, dueMs: 0 };
const refused = { error: { type: 'http_500', message: 'no', stack_trace: 'body' }, delayMs: null };

describe('the dead letter of a pushed record', () => {
  it('says where the record lies, how often it was tried, and what the endpoint said', () => {
    const letter = pushDeadLetter(
      record([
        ['own', 'kept'],
        [':type', 'made up'],
      ]),
      origin,
      attempts,
      refused,
      9_000,
    );
    const texts = Object.fromEntries(
      letter.headers.map(({ key, value }) => [key, new TextDecoder().decode(value!)]),
    );
    expect(texts).toMatchObject({
      own: 'kept',
      'dead-letter-topic': 'clicks',
      'dead-letter-partition': '3',
      'dead-letter-offset': '7',
    });
    expect(texts).not.toHaveProperty(':type');
    expect(detailsOf(letter)).toMatchObject({
      error: refused.error,
      metadata: { retry_count: 3, reason: 'delivery_limit', consumer_id: 'subscription:push' },
    });
  });

  it.each([BROKER_HOPS_MAX, Number.MAX_SAFE_INTEGER])(
    'is there after %i hops, and beyond the limit',
    (hops) => {
      const letter = pushDeadLetter(record([[HOPS_HEADER, String(hops)]]), origin, attempts, refused, 9_000);
      expect(detailsOf(letter).metadata.hops).toBe(BROKER_HOPS_MAX + 1);
    },
  );
});
