/** Sealing: whose segments move, when, and which become one object. */

import { describe, expect, it } from 'vitest';
import type { SegmentExtent } from '../../../../core/log/segment.ts';
import {
  extentOfRun,
  hotBytesOf,
  isSealingDue,
  OBJECT_BYTES,
  OBJECT_SEGMENTS_MAX,
  objectBytesOf,
  planObject,
} from '../../../../core/log/tier/sealing.ts';
import { TOPIC_DEFAULTS } from '../../../../protocol/schemas/topics.ts';

/** Segments of ten offsets and so many bytes. */
function segmentsOf(...sizes: number[]): SegmentExtent[] {
  let position = 0;
  return sizes.map((bytes, nth) => {
    const extent = {
      baseOffset: nth * 10,
      nextOffset: nth * 10 + 10,
      maxTimestamp: 100 - nth,
      maxTimestampSoFar: 100,
      position,
      bytes,
    };
    position += bytes;
    return extent;
  });
}

describe('the hot part of a topic', () => {
  it('is what the topic says, of one that is neither compacted nor bound to a jurisdiction', () => {
    expect(hotBytesOf(TOPIC_DEFAULTS)).toBe(1_000_000_000);
    expect(hotBytesOf({ ...TOPIC_DEFAULTS, hot_bytes: 70_000 })).toBe(70_000);
    expect(hotBytesOf({ ...TOPIC_DEFAULTS, hot_bytes: null })).toBeNull();
    expect(hotBytesOf({ ...TOPIC_DEFAULTS, cleanup_policy: 'compact' })).toBeNull();
    expect(hotBytesOf({ ...TOPIC_DEFAULTS, cleanup_policy: 'compact,delete' })).toBeNull();
    expect(hotBytesOf({ ...TOPIC_DEFAULTS, jurisdiction: 'eu' })).toBeNull();
  });

  it('is too large when it has another object', () => {
    expect(objectBytesOf(1_000_000_000)).toBe(OBJECT_BYTES);
    expect(objectBytesOf(100)).toBe(25);
    expect(isSealingDue(124, 10, 100)).toBe(false);
    expect(isSealingDue(125, 10, 100)).toBe(true);
    expect(isSealingDue(1e12, 10, null), 'all of it stays').toBe(false);
    expect(isSealingDue(500, 500, 100), 'it is one segment').toBe(false);
  });
});

describe('the segments of the next object', () => {
  it('are the oldest that fit, at least one, and never the last of the log', () => {
    const basesOf = (sizes: number[], tail: number, objectBytes: number): number[] =>
      planObject(segmentsOf(...sizes), tail, objectBytes).map(({ baseOffset }) => baseOffset);
    expect(basesOf([5, 5, 5, 5], 30, 10)).toEqual([0, 10]);
    expect(basesOf([5, 5, 5, 5], 30, 14)).toEqual([0, 10]);
    expect(basesOf([50, 5], 10, 10)).toEqual([0]);
    expect(basesOf([5, 5], 10, 100)).toEqual([0]);
    expect(basesOf([5], 0, 100)).toEqual([]);
    expect(basesOf([], -1, 100)).toEqual([]);
    const many = Array.from({ length: OBJECT_SEGMENTS_MAX + 1 }, () => 1);
    expect(basesOf(many, -1, 1e9)).toHaveLength(OBJECT_SEGMENTS_MAX);
  });

  it('become one extent', () => {
    expect(extentOfRun(segmentsOf(5, 7, 9).slice(1))).toEqual({
      baseOffset: 10,
      nextOffset: 30,
      maxTimestamp: 99,
      maxTimestampSoFar: 100,
      position: 5,
      bytes: 16,
    });
  });
});
