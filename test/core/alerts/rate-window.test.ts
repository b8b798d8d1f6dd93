import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateWindow } from '../../../core/alerts/rate-window.ts';

describe('the window of a rate', () => {
  it('counts a minute, and what it says does not depend on when it was stored', () => {
    const window = new RateWindow();
    window.add(3, 1_000);
    window.add(2, 31_000);
    const restored = new RateWindow(window.toStored());
    for (const one of [window, restored]) {
      expect(one.count(60_000)).toBe(5);
      expect(one.fallsToMs(4, 60_000)).toBe(65_000);
      expect(one.fallsToMs(5, 60_000)).toBeNull();
      expect(one.fallsToMs(0, 60_000)).toBe(95_000);
      expect(one.count(65_000)).toBe(2);
      expect(one.count(95_000)).toBe(0);
    }
  });

  it('is right to a bucket, and stays small', () => {
    const events = fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 1, max: 9 })));
    fc.assert(
      fc.property(events, (steps) => {
        const window = new RateWindow();
        const all: [number, number][] = [];
        let nowMs = 1_000_000;
        for (const [deltaMs, count] of steps) {
          nowMs += deltaMs;
          window.add(count, nowMs);
          all.push([nowMs, count]);
          const within = (ms: number): number =>
            all.reduce((sum, [atMs, n]) => (atMs > nowMs - ms ? sum + n : sum), 0);
          expect(window.count(nowMs)).toBeGreaterThanOrEqual(within(60_000));
          expect(window.count(nowMs)).toBeLessThanOrEqual(within(65_001));
          expect(window.toStored().length).toBeLessThanOrEqual(14);
        }
      }),
    );
  });
});
