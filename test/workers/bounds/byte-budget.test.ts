import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../workers/bounds/byte-budget.ts';

const budget = (): ByteBudget => new ByteBudget({ bytesMax: 100, smallShare: 20, smallBytesMax: 10 });

describe('a byte budget', () => {
  it('refuses large requests above its size and keeps a share for small ones', () => {
    const bytes = budget();
    expect([bytes.tryTake(50), bytes.tryTake(30), bytes.tryTake(11)]).toEqual([true, true, false]);
    expect([bytes.tryTake(10), bytes.tryTake(10), bytes.tryTake(1)]).toEqual([true, true, false]);
    bytes.release(50);
    expect(bytes.tryTake(20)).toBe(true);
  });

  it('admits one that is larger than all of it as the only large one, and small ones beside it', () => {
    const bytes = budget();
    bytes.tryTake(5);
    expect([bytes.tryTake(500), bytes.tryTake(11), bytes.tryTake(10)]).toEqual([true, false, true]);
    bytes.release(500);
    expect(bytes.tryTake(11)).toBe(true);
  });

  it('counts one that grows with what it has grown to', () => {
    const bytes = budget();
    bytes.tryTake(10);
    expect([bytes.resize(10, 70), bytes.held, bytes.tryTake(11)]).toEqual([true, 70, false]);
    bytes.tryTake(10);
    expect([bytes.resize(70, 71), bytes.held]).toEqual([true, 81]); // the only large one
    bytes.release(71);
    bytes.tryTake(60);
    expect([bytes.resize(10, 11), bytes.held]).toEqual([true, 71]);
    expect([bytes.resize(11, 30), bytes.held]).toEqual([false, 71]);
  });

  it('admits those who wait in their order, as room comes back', async () => {
    const bytes = budget();
    const admitted: number[] = [];
    bytes.tryTake(80);
    const waiting = [60, 20, 40].map(async (size, index) => {
      if (await bytes.take(size, 10_000)) admitted.push(index);
    });
    expect(bytes.tryTake(15)).toBe(false); // it came later than those who wait
    bytes.release(80);
    await Promise.all(waiting.slice(0, 2));
    expect([admitted, bytes.held]).toEqual([[0, 1], 80]);
    bytes.release(60);
    await waiting[2];
    expect([admitted, bytes.held]).toEqual([[0, 1, 2], 60]);
  });

  it('refuses one that has waited too long, and lets the next in that fits', async () => {
    const bytes = budget();
    bytes.tryTake(50);
    const [first, second] = [bytes.take(70, 20), bytes.take(30, 10_000)];
    expect(bytes.retryAfterS()).toBe(2);
    expect([await first, await second, bytes.held]).toEqual([false, true, 80]);
  });
});
