/** Frames that a client reads: what contradicts itself is a RangeError, and never work without end. */

import { describe, expect, it } from 'vitest';
import {
  decodeDeliveryFrame,
  encodeDeliveryFrame,
  tagsOfFrame,
  type DeliveryFrame,
  type DeliveryRun,
} from '../../protocol/frames/delivery-frame.ts';
import { decodeAcquiredFrame, encodeAcquiredFrame } from '../../protocol/frames/acquired-frame.ts';
import { decodeGroupFrame, encodeGroupFrame } from '../../protocol/frames/group-frame.ts';
import { DELIVER_MESSAGES_MAX } from '../../protocol/limits.ts';

const RUN: DeliveryRun = { start: 5, end: 7, delivery: 1, expiresAtMs: 1_000 };

const frameOf = (...runs: Partial<DeliveryRun>[]): DeliveryFrame => ({
  queueId: 3,
  sections: [{ lane: 0, runs: runs.map((run) => ({ ...RUN, ...run })), batches: Uint8Array.of(1, 2) }],
});

describe('a delivery frame', () => {
  it('is read as it was written', () => {
    const frame = frameOf({}, { start: 9, end: 9 + DELIVER_MESSAGES_MAX - 2 });
    expect(decodeDeliveryFrame(encodeDeliveryFrame(frame))).toEqual(frame);
    expect(tagsOfFrame(encodeDeliveryFrame(frame))).toHaveLength(DELIVER_MESSAGES_MAX);
  });

  it.each<[string, DeliveryFrame]>([
    ['ends where it begins', frameOf({ end: 5 })],
    ['ends before it begins', frameOf({ end: 2 })],
    ['begins before the log', frameOf({ start: -1 })],
    ['ends at no number', frameOf({ end: NaN })],
    ['never ends', frameOf({ end: Infinity })],
    ['ends within a message', frameOf({ end: 6.5 })],
    ['has more messages than one delivery may have', frameOf({ end: 2 ** 40 })],
    ['has them together with another', frameOf({}, { start: 9, end: 8 + DELIVER_MESSAGES_MAX })],
    ['has a lease that is no time', frameOf({ expiresAtMs: NaN })],
    ['is of no queue', { queueId: -1, sections: [] }],
  ])('is refused where a run %s', (_, frame) => {
    expect(() => decodeDeliveryFrame(encodeDeliveryFrame(frame))).toThrow(RangeError);
  });

  it('is refused wherever it is cut off', () => {
    const bytes = encodeDeliveryFrame(frameOf({}, {}));
    for (let length = 0; length < bytes.length; length++) {
      if (length === 8) continue; // a queue without deliveries
      expect(() => decodeDeliveryFrame(bytes.subarray(0, length)), `${length} bytes`).toThrow(RangeError);
    }
  });
});

describe('a frame of group records', () => {
  const offsets = { start_offset: 0, next_offset: 9, high_watermark: 9, log_start_offset: 0 };
  const place = { topic: 'orders', topic_id: 7, partition: 0 };
  const section = { ...place, ...offsets, bytes: 2, batches: Uint8Array.of(1, 2) };
  const member = { member_id: 'm', epoch: 3, assignment: [], heartbeat_interval_ms: 1_000 };

  it('is read as it was written', () => {
    const frame = { member, sections: [section] };
    expect(decodeGroupFrame(encodeGroupFrame(frame))).toEqual(frame);
  });

  it.each([-1, 3, 0.5, 2 ** 60])('is refused where a section says that it has %d bytes of 2', (bytes) => {
    const frame = encodeGroupFrame({ member, sections: [{ ...section, bytes }] });
    expect(() => decodeGroupFrame(frame)).toThrow(RangeError);
  });

  it.each(['null', '7', '[]', '{}', '{"sections": 1}', '{"sections": [null]}', '{'])(
    'is refused with the heading %s',
    (text) => {
      const bytes = new Uint8Array(4 + text.length);
      new DataView(bytes.buffer).setUint32(0, text.length);
      bytes.set(new TextEncoder().encode(text), 4);
      expect(() => decodeGroupFrame(bytes)).toThrow(RangeError);
    },
  );

  it('is refused wherever it is cut off', () => {
    const bytes = encodeGroupFrame({ member, sections: [section] });
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeGroupFrame(bytes.subarray(0, length)), `${length} bytes`).toThrow(RangeError);
  });
});

describe('a frame of acquired records', () => {
  const place = { topic: 'orders', topic_id: 7, partition: 0 };
  const acquired: [number, number, number][] = [[3, 9, 1]];
  const section = { ...place, acquired, bytes: 2, batches: Uint8Array.of(1, 2) };

  it('is read as it was written', () => {
    const frame = { lock_duration_ms: 30_000, sections: [section] };
    expect(decodeAcquiredFrame(encodeAcquiredFrame(frame))).toEqual(frame);
  });

  it('is refused if a section does not say what is acquired', () => {
    const bytes = encodeAcquiredFrame({
      lock_duration_ms: 0,
      sections: [{ ...section, acquired: null as never }],
    });
    expect(() => decodeAcquiredFrame(bytes)).toThrow(RangeError);
  });
});
