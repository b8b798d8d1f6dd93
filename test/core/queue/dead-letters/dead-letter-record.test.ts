/** A message on its way through retries, death and replay, as records. */

import { describe, expect, it } from 'vitest';
import {
  deathRecord,
  detailsOf,
  headersOfBroker,
  letterThrough,
  originalRecord,
  replayedRecord,
  retriedRecord,
  withoutDamage,
} from '../../../../core/queue/dead-letters/dead-letter-record.ts';
import {
  attemptsBefore,
  deliveriesBefore,
  failuresBefore,
  historyOf,
} from '../../../../core/queue/dead-letters/death-headers.ts';
import { DEATH_REASONS, type DeathReason } from '../../../../protocol/schemas/death-reasons.ts';
import {
  DAMAGED_HEADER,
  EXCHANGE_HEADER,
  PROPERTY_HEADERS,
  ROUTING_KEY_HEADER,
  textHeader,
} from '../../../../protocol/schemas/messages.ts';
import type { LogRecord } from '../../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../../support/batches.ts';

const published: LogRecord = {
  offset: 0,
  timestamp: 1_000,
  key: bytesOf('k'),
  value: bytesOf('body'),
  headers: [
    textHeader('trace', 'abc'),
    textHeader(EXCHANGE_HEADER, 'orders'),
    textHeader(ROUTING_KEY_HEADER, 'eu'),
    textHeader(PROPERTY_HEADERS.expiration_ms, '60'),
    textHeader(PROPERTY_HEADERS.delay_ms, '5'),
  ],
};
const failed = (failures: number) => ({ deliveries: failures, failures, firstMs: 10, lastMs: 20 });
const names = ({ headers }: LogRecord): string[] => headers.map(({ key }) => key);

describe('a message that is retried', () => {
  it('has its attempts with it, and those that it had before', () => {
    const once = retriedRecord(published, {
      attempts: failed(1),
      error: { type: 'Error' },
      consumerId: 'worker',
    });
    expect([deliveriesBefore(once), failuresBefore(once)]).toEqual([1, 1]);
    expect(attemptsBefore(once)).toEqual({
      first: 10,
      last: 20,
      error: { type: 'Error' },
      consumer: 'worker',
    });
    const again = retriedRecord(once, { attempts: { deliveries: 2, failures: 1, firstMs: 90, lastMs: 95 } });
    expect([deliveriesBefore(again), failuresBefore(again)]).toEqual([3, 2]);
    expect(attemptsBefore(again), 'the last attempt had no error, the first is the first').toEqual({
      first: 10,
      last: 95,
    });
  });

  it('is otherwise as it was', () => {
    const { headers, ...rest } = retriedRecord(published, { attempts: failed(1) });
    expect(rest).toEqual({ offset: 0, timestamp: 1_000, key: published.key, value: published.value });
    expect(headers).toEqual(expect.arrayContaining(published.headers));
  });
});

describe('a dead letter', () => {
  it.each<[DeathReason, number, number, string]>([
    ['rejected', 1, 0, 'the last attempt is no retry'],
    ['delivery_limit', 4, 3, 'three retries'],
    ['expired', 2, 2, 'it waited for the next one'],
    ['maxlen', 0, 0, 'it was never delivered'],
    ['damaged', 0, 0, 'nor was this'],
  ])('%s after %i failures has had %i retries: %s', (reason, failures, retries) => {
    const attempts = failures === 0 ? null : failed(failures);
    const { metadata } = detailsOf(deathRecord(published, reason, 'q', 9_000, { attempts }));
    expect(metadata).toMatchObject({
      reason,
      retry_count: retries,
      original_queue: 'q',
      died_in: 'q',
      hops: 1,
    });
  });

  it('has every reason in the table above', () => expect(DEATH_REASONS).toHaveLength(5));

  it('begins anew: published now, without delay and time to live, which it keeps for later', () => {
    const dead = deathRecord(published, 'rejected', 'q', 9_000);
    expect(dead.timestamp).toBe(9_000);
    expect(names(dead)).not.toContain(PROPERTY_HEADERS.expiration_ms);
    expect(names(dead)).not.toContain(PROPERTY_HEADERS.delay_ms);
    expect(originalRecord(dead)).toMatchObject({
      timestamp: 1_000,
      key: published.key,
      value: published.value,
    });
    expect(names(originalRecord(dead)).sort()).toEqual(names(published).sort());
  });

  it('that dies again keeps where it died first, and counts its hops', () => {
    const dead = deathRecord(deathRecord(published, 'rejected', 'q', 9_000), 'expired', 'q.dlq', 10_000);
    expect(detailsOf(dead).metadata).toMatchObject({
      original_queue: 'q',
      died_in: 'q.dlq',
      reason: 'expired',
      exchange: 'orders',
      routing_key: 'eu',
      hops: 2,
      history: [
        { queue: 'q.dlq', reason: 'expired' },
        { queue: 'q', reason: 'rejected' },
      ],
    });
    expect(originalRecord(dead).timestamp).toBe(1_000);
  });

  it.each([
    ['its target has one', { exchange: 'dead', routing_key: 'own' }, ['dead', 'own']],
    ['its target has none', { exchange: 'dead' }, ['dead', 'eu']],
    ['it goes by the default exchange', { exchange: 'amq.default' }, ['', 'eu']],
  ])('that leaves through an exchange notes by which routing key, when %s', (_, target, to) => {
    const dead = letterThrough(deathRecord(published, 'rejected', 'q', 9_000), target, 'q');
    expect(historyOf(dead)).toMatchObject([{ queue: 'q', to }]);
    expect(detailsOf(dead).metadata).toMatchObject({ exchange: 'orders', routing_key: 'eu' });
  });

  it('that leaves through an exchange again has the key that it came by, or else the name of the queue', () => {
    const first = letterThrough(
      deathRecord(published, 'rejected', 'q', 1),
      { exchange: 'a', routing_key: 'k' },
      'q',
    );
    const again = letterThrough(deathRecord(first, 'expired', 'r', 2), { exchange: 'b' }, 'r');
    expect(historyOf(again)).toMatchObject([{ to: ['b', 'k'] }, { to: ['a', 'k'] }]);
    const plain = { ...published, headers: [] };
    expect(
      historyOf(letterThrough(deathRecord(plain, 'expired', 'q', 1), { exchange: 'a' }, 'q')),
    ).toMatchObject([{ to: ['a', 'q'] }]);
  });

  it('that is replayed has its time to live again, no delay, and its history', () => {
    const replayed = replayedRecord(deathRecord(published, 'rejected', 'q', 9_000), 'q.dlq', 10_000);
    expect(replayed.timestamp).toBe(10_000);
    expect(names(replayed)).toContain(PROPERTY_HEADERS.expiration_ms);
    expect(names(replayed)).not.toContain(PROPERTY_HEADERS.delay_ms);
    expect(detailsOf(replayed).metadata).toMatchObject({
      reason: null,
      hops: 2,
      history: [
        { queue: 'q.dlq', reason: 'replayed' },
        { queue: 'q', reason: 'rejected' },
      ],
    });
  });

  it('that somebody changes keeps what the broker has noted, but for the properties it left behind', () => {
    const dead = deathRecord(published, 'rejected', 'q', 9_000);
    const kept = { ...dead, headers: headersOfBroker(dead) };
    expect(names(kept)).not.toContain('trace');
    expect(detailsOf(kept)).toEqual(detailsOf(dead));
    expect(names(originalRecord(kept))).not.toContain(PROPERTY_HEADERS.expiration_ms);
  });

  it('of a message that was never dead is what little is known', () => {
    expect(detailsOf(published)).toMatchObject({
      error: { type: null, message: null, stack_trace: null },
      metadata: {
        retry_count: 0,
        first_attempt: null,
        original_queue: null,
        reason: null,
        died_at: null,
        hops: 0,
      },
    });
  });
});

describe('what is left of a damaged message', () => {
  it('is like any other once it leaves', () => {
    const damaged = { ...published, headers: [...published.headers, textHeader(DAMAGED_HEADER, 'corrupt')] };
    expect(withoutDamage(damaged)).toEqual(published);
    expect(withoutDamage(published)).toBe(published);
    expect(names(deathRecord(damaged, 'damaged', 'q', 9_000))).not.toContain(DAMAGED_HEADER);
  });
});
