/** Retention as tables: which segments go, and when to look again. */

import { describe, expect, it } from 'vitest';
import { expiredSegments, nextRetentionCheck } from '../../../core/log/retention.ts';
import { EMPTY_LOG, type SegmentExtent } from '../../../core/log/segment.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const NOW = 10_000_000;
const HOUR = 3_600_000;

/** Segments of 10 offsets, `age:bytes`: how old the youngest record is, in ms, and the size. An empty cell is no limit. */
function segmentsOf(text: string): SegmentExtent[] {
  let position = 0;
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word, nth) => {
      const [age, bytes] = word.split(':').map(Number);
      const maxTimestamp = NOW - age!;
      const extent = {
        baseOffset: nth * 10,
        nextOffset: nth * 10 + 10,
        maxTimestamp,
        maxTimestampSoFar: maxTimestamp,
      };
      position += bytes!;
      return { ...extent, position: position - bytes!, bytes: bytes! };
    });
}

const ROWS = rowsOf<'ms' | 'bytes' | 'start' | 'segments' | 'go' | 'next' | 'because'>(`
  ms      | bytes | start | segments             | go | next     | because
  3600000 |       | 0     |                      | 0  | never    | the log is empty
          |       | 0     | 99999:10 5:10        | 0  | never    | everything is kept
  3600000 |       | 0     | 3600000:10 5:10      | 0  | +300000  | a record as old as it may be
  3600000 |       | 0     | 3600001:10 5:10      | 1  | +300000  | a millisecond older: looked for every 5 minutes
  3600000 |       | 0     | 5:10 3600001:10      | 0  | +3599996 | behind a younger one it stays
  3600000 |       | 0     | 3600001:10 3600001:10 5:10 | 2 | +300000 | as far as they are too old
  3600000 |       | 0     | 3600001:10           | 1  | +300000  | the last one, too
  3600000 |       | 0     | 1000:10              | 0  | +3599001 | when it will be too old
  1000    |       | 0     | 2000:10              | 1  | +100     | a short retention is looked after more often
          | 20    | 0     | 1:10 1:10            | 0  | never    | as many bytes as there may be
          | 20    | 0     | 1:10 1:10 1:10       | 1  | +10000   | without the oldest there are still as many
          | 20    | 0     | 1:10 1:10 1:9        | 0  | never    | without it there would be fewer
          | 10    | 0     | 1:10 1:10 1:10       | 2  | +10000   | as far as that holds
          | 5     | 0     | 1:10                 | 0  | never    | the last one stays
  3600000 | 10    | 0     | 3600001:10 1:10      | 1  | +10000   | either is enough
          |       | 10    | 1:10 1:10            | 1  | +1       | all of its records were deleted
          |       | 9     | 1:10 1:10            | 0  | never    | not all of them
  3600000 |       | 10    | 1:10 3600001:10 1:10 | 2  | +1       | then what follows is the oldest
`);

describe('retention', () => {
  it.each(ROWS)('of $ms ms and $bytes bytes lets $go of $segments go: $because', (row) => {
    const limit = (text: string): number | null => (text === '' ? null : Number(text));
    const policy = { retentionMs: limit(row.ms), retentionBytes: limit(row.bytes) };
    const segments = segmentsOf(row.segments);
    const size = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    const head = { ...EMPTY_LOG, logStartOffset: Number(row.start), nextOffset: segments.length * 10 };
    const next = nextRetentionCheck(policy, head, segments[0] ?? null, size, NOW);
    expect({
      go: String(expiredSegments(policy, head, segments, size, NOW)),
      next: next === null ? 'never' : `+${next - NOW}`,
    }).toEqual({ go: row.go, next: row.next });
  });

  it('never waits longer than a segment may be kept for a look that is due', () => {
    for (const retentionMs of [1_000, HOUR, 7 * 24 * HOUR]) {
      const [oldest] = segmentsOf(`${retentionMs + 1}:10`);
      const next = nextRetentionCheck({ retentionMs, retentionBytes: null }, EMPTY_LOG, oldest!, 10, NOW)!;
      expect(next - NOW).toBeLessThanOrEqual(retentionMs / 10);
      expect(next - NOW).toBeLessThanOrEqual(300_000);
    }
  });
});
