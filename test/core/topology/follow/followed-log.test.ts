import { describe, expect, it } from 'vitest';
import { FollowedLog } from '../../../../core/topology/follow/followed-log.ts';

const puts = (from: number, count: number, name = 'q'): string =>
  JSON.stringify(
    Array.from({ length: count }, (_, index) => ({ put: 'queue', name: `${name}${from + index}` })),
  );

describe('a followed log', () => {
  it('leads on from every version that it covers', () => {
    const log = new FollowedLog(7);
    log.append(puts(8, 3));
    expect([6, 7, 10, 11].map((version) => log.covers(version))).toEqual([false, true, true, false]);
    expect(log.after(7)).toEqual({ changesJson: puts(8, 3), count: 3, isPartial: false });
    expect(log.after(9)).toEqual({ changesJson: puts(10, 1), count: 1, isPartial: false });
    expect(log.after(10)).toEqual({ changesJson: '[]', count: 0, isPartial: false });
  });

  it('answers in parts', () => {
    const log = new FollowedLog(0);
    log.append(puts(1, 2_500));
    const counts: number[] = [];
    for (let version = 0; version < log.version;) {
      const part = log.after(version);
      expect(part.isPartial).toBe(version + part.count < log.version);
      counts.push(part.count);
      version += part.count;
    }
    expect(counts).toEqual([1_000, 1_000, 500]);
  });

  it('drops the oldest changes when they are many or large', () => {
    const many = new FollowedLog(0);
    many.append(puts(1, 10_050));
    expect([many.base, many.version]).toEqual([50, 10_050]);
    expect(JSON.parse(many.after(10_048).changesJson)).toEqual([
      { put: 'queue', name: 'q10049' },
      { put: 'queue', name: 'q10050' },
    ]);
    const large = new FollowedLog(0);
    for (let change = 1; change <= 10; change++) large.append(puts(change, 1, 'x'.repeat(1_000_000)));
    expect(large.version).toBe(10);
    expect(large.base).toBeGreaterThanOrEqual(6);
    expect(large.after(large.base).count).toBeGreaterThan(0);
  });
});
