import { describe, expect, it } from 'vitest';
import { keptUntil, takeTurn, UNPACED } from '../../../core/subscription/pace.ts';

describe('the pace of a subscription', () => {
  it('lets requests leave at once without a rate', () => {
    expect(takeTurn(UNPACED, null, 5_000).waitMs).toBe(0);
  });

  it('spreads them evenly at a rate, after the burst of a fifth of a second', () => {
    let pace = UNPACED;
    const waits = Array.from({ length: 5 }, () => {
      const turn = takeTurn(pace, 10, 5_000);
      pace = turn.pace;
      return turn.waitMs;
    });
    expect(waits).toEqual([0, 0, 100, 200, 300]);
  });

  it('lets one request leave in so many seconds at a rate below one', () => {
    const first = takeTurn(UNPACED, 0.5, 5_000);
    expect(first.waitMs).toBe(0);
    expect(takeTurn(first.pace, 0.5, 5_000).waitMs).toBe(2_000);
  });

  it('leaves to the queue what waits longer for its turn than a lease lasts', () => {
    const { pace } = takeTurn(UNPACED, 0.01, 1_000);
    expect(keptUntil(pace, 1_000)).toBe(101_000);
    expect(keptUntil(pace, 97_000)).toBe(0);
    expect(keptUntil(takeTurn(UNPACED, 1, 1_000).pace, 1_000)).toBe(0);
  });
});
