import { describe, expect, it } from 'vitest';
import { deathRecord, retriedRecord } from '../../../../core/queue/dead-letters/dead-letter-record.ts';
import { deliveriesOf, messagesOf } from '../../../../core/queue/deliver/deliveries-json.ts';
import { parseTag } from '../../../../protocol/frames/delivery-tag.ts';
import { encodeBatch, type LogRecord } from '../../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../../support/batches.ts';

const record: LogRecord = { offset: 0, timestamp: 1_000, key: null, value: bytesOf('1'), headers: [] };

/** The delivery of one record at offset 0 of lane 4. */
function delivered(of: LogRecord, delivery: number, expiresAtMs: number) {
  const batches = encodeBatch([of]);
  const runs = [{ start: 0, end: 1, delivery, expiresAtMs }];
  return deliveriesOf({ queueId: 7, sections: [{ lane: 4, runs, batches }] }).deliveries[0]!;
}

describe('a delivery', () => {
  it.each([
    [record, 1, 1, false, 'the first'],
    [record, 2, 2, true, 'the second from its place'],
    [
      retriedRecord(record, { attempts: { deliveries: 3, failures: 1, firstMs: 0, lastMs: 0 } }),
      1,
      4,
      true,
      'after three before it was parked',
    ],
  ])(
    '%#: number %i from its place counts as %i, redelivered: %s',
    (of, delivery, count, isAgain, because) => {
      expect(delivered(of, delivery, 2_000), because).toMatchObject({
        delivery_count: count,
        redelivered: isAgain,
        lease_expires_at: 2_000,
      });
    },
  );

  it('has a tag that names the place and the delivery', () => {
    expect(parseTag(delivered(record, 2, 0).delivery_tag)).toEqual({
      queueId: 7,
      lane: 4,
      offset: 0,
      delivery: 2,
    });
  });

  it('that is settled at once has no lease', () => {
    expect(delivered(record, 1, 0).lease_expires_at).toBeNull();
  });

  it('of a dead letter tells how it died', () => {
    expect(delivered(deathRecord(record, 'expired', 'q', 5), 1, 0)).toMatchObject({
      dead_letter: { metadata: { reason: 'expired', original_queue: 'q' } },
    });
    expect(delivered(record, 1, 0)).not.toHaveProperty('dead_letter');
  });
});

describe('stored batches', () => {
  it('are read one after another', () => {
    const batches = new Uint8Array([...encodeBatch([record, record]), ...encodeBatch([record])]);
    expect(messagesOf(batches)).toHaveLength(3);
  });
});
