import { describe, expect, it } from 'vitest';
import {
  PartitionProgress,
  type PartitionEntry,
  type PushOrder,
} from '../../../core/subscription/partition-progress.ts';

const entry = (offset: number, key: string | null = null, bytes = 10): PartitionEntry => ({
  offset,
  key,
  bytes,
  arrivedMs: 0,
});

const limits = (order: PushOrder, messages = 1, bytes = 1_000) => ({ order, messages, bytes });

function begun(keys: (string | null)[], position = 0): PartitionProgress {
  const progress = new PartitionProgress({ position });
  progress.add(
    keys.map((key, index) => entry(position + index, key)),
    position + keys.length,
  );
  return progress;
}

/** Takes the offsets of the next request. */
function takeFrom(progress: PartitionProgress, order: PushOrder, messages = 1, nowMs = 0): number[] {
  const { unit } = progress.next(limits(order, messages), nowMs);
  progress.take(unit);
  return unit.map(({ offset }) => offset);
}

describe('the progress in a partition', () => {
  it('has one request of a partition under way where its order is kept', () => {
    const progress = begun([null, null, null]);
    expect(takeFrom(progress, 'partition', 2)).toEqual([0, 1]);
    expect(takeFrom(progress, 'partition', 2)).toEqual([]);
    progress.settle([0, 1]);
    expect(progress.position).toBe(2);
    expect(takeFrom(progress, 'partition', 2)).toEqual([2]);
  });

  it('has one request of each key under way, and any number without a key', () => {
    const progress = begun(['a', 'b', 'a', null, 'b', null]);
    expect(Array.from({ length: 5 }, () => takeFrom(progress, 'key'))).toEqual([[0], [1], [3], [5], []]);
    progress.settle([1]);
    expect(takeFrom(progress, 'key')).toEqual([4]);
    expect(progress.position).toBe(0);
    progress.settle([0]);
    expect(progress.position).toBe(2);
  });

  it('puts records of one key into one request in their order', () => {
    const progress = begun(['a', 'a', 'b']);
    expect(takeFrom(progress, 'key', 10)).toEqual([0, 1, 2]);
  });

  it('ends a request before the record that makes it too large, and takes one that is too large alone', () => {
    const progress = new PartitionProgress({ position: 0 });
    progress.add([entry(0, null, 2_000), entry(1, null, 600), entry(2, null, 600)], 3);
    const units = Array.from({ length: 3 }, () => {
      const { unit } = progress.next(limits('key', 10), 0);
      progress.take(unit);
      return unit.map(({ offset }) => offset);
    });
    expect(units).toEqual([[0], [1], [2]]);
  });

  it('holds the partition, or the key, until a record that failed is due', () => {
    for (const order of ['partition', 'key'] as const) {
      const progress = begun(['a', 'b', 'a']);
      expect(takeFrom(progress, order)).toEqual([0]);
      expect(progress.fail([0], 1_000, () => 500)).toEqual([]);
      expect(takeFrom(progress, order, 1, 1_499)).toEqual(order === 'key' ? [1] : []);
      expect(progress.next(limits(order), 1_499)).toEqual({ unit: [], wakeMs: 1_500 });
      progress.settle([1]);
      expect(takeFrom(progress, order, 1, 1_500)).toEqual([0]);
      expect(progress.attemptsOf(0)).toEqual({ attempts: 1, firstMs: 1_000, dueMs: 1_500 });
    }
  });

  it('says which records have no further attempt', () => {
    const progress = begun([null]);
    takeFrom(progress, 'key');
    expect(progress.fail([0], 5, (attempts) => (attempts < 2 ? 10 : null))).toEqual([]);
    takeFrom(progress, 'key', 1, 15);
    expect(progress.fail([0], 20, (attempts) => (attempts < 2 ? 10 : null))).toEqual([
      { offset: 0, attempts: { attempts: 2, firstMs: 5, dueMs: 20 } },
    ]);
    progress.settle([0]);
    expect(progress.toStored()).toEqual({ position: 1 });
  });

  it('counts nothing for what goes back', () => {
    const progress = begun([null]);
    takeFrom(progress, 'key');
    progress.release([0]);
    expect(progress.attemptsOf(0)).toBeNull();
    expect(takeFrom(progress, 'key')).toEqual([0]);
  });

  it('is the same after it was stored and read again', () => {
    const progress = begun(['a', 'b', 'c', 'a', 'd', 'e'], 10);
    for (let count = 0; count < 6; count++) takeFrom(progress, 'key');
    progress.settle([11, 12, 14]);
    progress.fail([10], 100, () => 50);
    const stored = progress.toStored();
    expect(stored).toEqual({ position: 10, settled: [11, 13, 14, 15], failing: [[10, 1, 100, 150]] });
    const again = new PartitionProgress(stored);
    expect(again.toStored()).toEqual(stored);
    again.add(
      [10, 11, 12].map((offset) => entry(offset, 'abc'[offset - 10])),
      13,
    );
    expect(again.toStored()).toEqual(stored);
    again.add(
      [13, 14, 15].map((offset) => entry(offset, 'ade'[offset - 13])),
      16,
    );
    expect(again.toStored()).toEqual(stored);
    expect(takeFrom(again, 'key', 10, 200)).toEqual([10]); // it has failed, and is pushed alone
    expect(takeFrom(again, 'key', 10, 200)).toEqual([15]);
    again.settle([10]);
    expect(takeFrom(again, 'key', 10, 200)).toEqual([13]);
    again.settle([13, 15]);
    expect(again.toStored()).toEqual({ position: 16 });
  });

  it('reads again what it dropped, except for what is settled', () => {
    const progress = begun(['a', 'b', 'c']);
    takeFrom(progress, 'key', 3);
    progress.settle([1]);
    progress.release([0, 2]);
    progress.dropRead();
    expect([progress.nextRead, progress.size]).toEqual([0, 0]);
    progress.add(
      [0, 1, 2].map((offset) => entry(offset)),
      3,
    );
    expect(takeFrom(progress, 'key', 10)).toEqual([0, 2]);
  });

  it('counts records that compaction or retention took away as settled', () => {
    const progress = new PartitionProgress({ position: 5 });
    progress.advanceTo(20);
    progress.add([entry(22)], 30);
    expect(progress.toStored()).toEqual({ position: 22 });
    takeFrom(progress, 'partition');
    progress.settle([22]);
    expect(progress.toStored()).toEqual({ position: 30 });
  });
});
