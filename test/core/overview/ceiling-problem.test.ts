import { describe, expect, it } from 'vitest';
import { ceilingProblem } from '../../../core/overview/ceiling-problem.ts';

describe('the problem of a ceiling', () => {
  const use = { ceiling: 100, written: 85, resets_at: 3_600_000 };

  it('is that it is near, or reached, until the hour ends', () => {
    expect(ceilingProblem('shop', use, 1)).toEqual([
      {
        problem: 'cost_ceiling',
        kind: 'namespace',
        name: 'shop',
        detail: '85 of 100 rows of this hour are written',
      },
    ]);
    expect(ceilingProblem('shop', { ...use, written: 100 }, 1)[0]!.detail).toBe(
      'publishes are refused until 1970-01-01T01:00:00.000Z: all 100 rows of this hour are written',
    );
    expect(ceilingProblem('shop', use, 3_600_000)).toEqual([]);
    expect(ceilingProblem('shop', null, 1)).toEqual([]);
  });
});
