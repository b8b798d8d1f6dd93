/** Which dead letters a filter means, as a table. The dead letter died in `orders.dlq` at 2026-01-02, first in `orders`. */

import { describe, expect, it } from 'vitest';
import {
  isDeadLetter,
  matcherOf,
  type MessageFilter,
} from '../../../../core/queue/dead-letters/dead-letter-filter.ts';
import {
  DEATH_HEADER,
  DEATH_QUEUE_HEADER,
  DEATH_REASON_HEADER,
  ROUTING_KEY_HEADER,
  textHeader,
} from '../../../../protocol/schemas/messages.ts';
import type { LogRecord } from '../../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../../support/batches.ts';

const DIED_AT = '2026-01-02T00:00:00.000Z';
const death = {
  original_queue: 'orders',
  at: Date.parse(DIED_AT),
  published: 1,
  retries: 0,
  first: 0,
  last: 0,
  error: { type: 'TypeError' },
};
const plain: LogRecord = { offset: 0, timestamp: 1, key: bytesOf('k'), value: null, headers: [] };
const dead: LogRecord = {
  ...plain,
  headers: [
    textHeader(DEATH_HEADER, JSON.stringify(death)),
    textHeader(DEATH_REASON_HEADER, 'rejected'),
    textHeader(DEATH_QUEUE_HEADER, 'orders.dlq'),
    textHeader(ROUTING_KEY_HEADER, 'eu.paid'),
  ],
};

const FILTERS: [filter: MessageFilter, isMeant: boolean, because: string][] = [
  [{}, true, 'all are meant'],
  [{ reason: 'rejected' }, true, 'its reason'],
  [{ reason: 'expired' }, false, 'another'],
  [{ key: 'k' }, true, 'its ordering key'],
  [{ key: 'l' }, false, 'another'],
  [{ routing_key: 'eu.paid' }, true, 'its routing key'],
  [{ routing_key: 'eu' }, false, 'a part is not enough'],
  [{ error_type: 'TypeError' }, true, 'its error'],
  [{ error_type: 'Error' }, false, 'another'],
  [{ original_queue: 'orders' }, true, 'where it died first'],
  [{ original_queue: 'orders.dlq' }, true, 'or last'],
  [{ original_queue: 'other' }, false, 'elsewhere'],
  [{ from: DIED_AT }, true, 'exactly from then on'],
  [{ from: '2026-01-02T00:00:00.001Z' }, false, 'a millisecond later'],
  [{ to: DIED_AT }, false, 'before then'],
  [{ to: '2026-01-02T00:00:00.001Z' }, true, 'a millisecond later'],
  [{ reason: 'rejected', key: 'k', error_type: 'TypeError' }, true, 'all of it is so'],
  [{ reason: 'rejected', key: 'l', error_type: 'TypeError' }, false, 'one thing is not'],
];

describe('a filter of dead letters', () => {
  it.each(FILTERS)('%j means it: %s, %s', (filter, isMeant) => {
    expect(matcherOf(filter)(dead)).toBe(isMeant);
  });

  it('means no other messages, unless it says any', () => {
    expect([isDeadLetter(plain), isDeadLetter(dead)]).toEqual([false, true]);
    expect([matcherOf({})(plain), matcherOf({ any: true })(plain)]).toEqual([false, true]);
    expect(matcherOf({ any: true, key: 'l' })(plain)).toBe(false);
    expect(matcherOf({ any: true, original_queue: 'orders' })(plain)).toBe(false);
  });

  it('means no message without a key where it asks for one', () => {
    expect(matcherOf({ key: '' })({ ...dead, key: null })).toBe(false);
  });
});
