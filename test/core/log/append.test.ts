import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PACK_BYTES_MAX, PACK_BYTES_MIN, planAppend, type BatchExtent } from '../../../core/log/append.ts';
import { EMPTY_LOG, type LogHead, type SegmentExtent } from '../../../core/log/segment.ts';
import { SEGMENT_BYTES_MAX } from '../../../protocol/limits.ts';

const batch = fc.record({
  sizeInBytes: fc.oneof(fc.integer({ min: 68, max: 2_000 }), fc.integer({ min: 68, max: SEGMENT_BYTES_MAX })),
  lastOffsetDelta: fc.integer({ min: 0, max: 9_999 }),
  maxTimestamp: fc.nat(),
});

describe('planning appends', () => {
  it('gives dense offsets and segments that follow each other, whatever arrives together', () => {
    fc.assert(
      fc.property(fc.array(fc.array(batch, { minLength: 1, maxLength: 6 }), { maxLength: 12 }), (groups) => {
        let head: LogHead = EMPTY_LOG;
        const segments = new Map<number, SegmentExtent>();
        let rows = 0;
        for (const group of groups) {
          const plan = planAppend(head, group);
          let offset = head.nextOffset;
          group.forEach(({ lastOffsetDelta }, index) => {
            expect(plan.baseOffsets[index]).toBe(offset);
            offset += lastOffsetDelta + 1;
          });
          for (const write of plan.writes) {
            expect(segments.has(write.segment.baseOffset)).toBe(write.kind === 'extend');
            segments.set(write.segment.baseOffset, write.segment);
          }
          rows += plan.writes.length;
          head = plan.head;
        }
        checkSegments([...segments.values()], groups.flat(), head);
        const bytes = groups.flat().reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0);
        expect(rows).toBeLessThanOrEqual(groups.length + Math.ceil((2 * bytes) / SEGMENT_BYTES_MAX));
      }),
    );
  });

  it('writes one row for a group that fits a segment', () => {
    const group = Array.from({ length: 9 }, () => ({
      sizeInBytes: 110_000,
      lastOffsetDelta: 999,
      maxTimestamp: 1,
    }));
    expect(planAppend(EMPTY_LOG, group).writes).toHaveLength(1);
  });

  it('extends the tail only while it stays small', () => {
    const small: BatchExtent = { sizeInBytes: PACK_BYTES_MAX / 4, lastOffsetDelta: 0, maxTimestamp: 1 };
    let head = EMPTY_LOG;
    const kinds = Array.from({ length: 6 }, () => {
      const plan = planAppend(head, [small]);
      head = plan.head;
      return plan.writes[0]!.kind;
    });
    expect(kinds).toEqual(['insert', 'extend', 'extend', 'extend', 'insert', 'extend']);
  });

  it.each([
    { sizeInBytes: 170, appends: Math.floor(PACK_BYTES_MIN / 170) },
    { sizeInBytes: 500, appends: 32 },
    { sizeInBytes: 2_000, appends: Math.floor(PACK_BYTES_MAX / 2_000) },
  ])('packs $appends appends of $sizeInBytes bytes in a row', ({ sizeInBytes, appends }) => {
    let head = EMPTY_LOG;
    for (let count = 1; ; count++) {
      const plan = planAppend(head, [{ sizeInBytes, lastOffsetDelta: 0, maxTimestamp: 1 }]);
      if (count > 1 && plan.writes[0]!.kind === 'insert') {
        expect(count - 1).toBe(appends);
        return;
      }
      head = plan.head;
    }
  });
});

function checkSegments(segments: SegmentExtent[], batches: BatchExtent[], head: LogHead): void {
  let offset = 0;
  let position = 0;
  let soFar = -1;
  for (const segment of segments) {
    expect(segment).toMatchObject({ baseOffset: offset, position });
    expect(segment.bytes).toBeLessThanOrEqual(SEGMENT_BYTES_MAX);
    soFar = Math.max(soFar, segment.maxTimestamp);
    expect(segment.maxTimestampSoFar).toBe(soFar);
    offset = segment.nextOffset;
    position += segment.bytes;
  }
  expect(head).toMatchObject({ nextOffset: offset, nextPosition: position, maxTimestampSoFar: soFar });
  expect(position).toBe(batches.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0));
}
