import { describe, expect, it } from 'vitest';
import {
  CALLS_PER_RUN,
  inTurn,
  isInSlot,
  slotsFor,
  slotsForCoordinators,
} from '../../../core/watch/visit-plan.ts';
import { PAGE_ITEMS_MAX } from '../../../protocol/limits.ts';

describe('the slots', () => {
  it.each([
    ['schedules', 1_000, 1],
    ['schedules', 1_001, 2],
    ['queues', 0, 12],
    ['queues', 72_000, 12],
    ['queues', 100_000, 24],
    ['partitions', 100_000, 288],
    ['groups', 144_001, 576],
  ] as const)('of %s are, when there are %i, %i', (kind, objects, slots) => {
    expect(slotsFor(kind, objects)).toBe(slots);
  });

  it('of coordinators are at most those of an hour', () => {
    expect([100, 101, 301, 100_000].map(slotsForCoordinators)).toEqual([1, 3, 12, 12]);
  });

  it('of 100,000 queues hold each queue once, and few enough for the calls of a run', () => {
    const slots = slotsFor('queues', 100_000);
    const nameOf = (queue: number): string => `default/q${queue}#1`;
    for (let queue = 0; queue < 100_000; queue += 1_000) {
      const inSlots = Array.from({ length: slots }, (_, slot) => isInSlot(slot, slots, nameOf(queue)));
      expect(inSlots.filter(Boolean)).toHaveLength(1);
    }
    for (const slot of [0, slots - 1]) {
      let visits = 0;
      for (let queue = 0; queue < 100_000; queue++) if (isInSlot(slot, slots, nameOf(queue))) visits += 1;
      expect(visits + 100_000 / PAGE_ITEMS_MAX).toBeLessThan(CALLS_PER_RUN);
    }
  });
});

describe('the turns of namespaces', () => {
  it('begin at another namespace in each run, and leave none out', () => {
    const names = ['a', 'b', 'c', 'd'];
    const runs = Array.from({ length: 100 }, (_, slot) => inTurn(names, slot));
    for (const run of runs) expect([...run].sort()).toEqual(names);
    expect(new Set(runs.map(([first]) => first)).size).toBe(4);
    expect(inTurn([], 3)).toEqual([]);
  });
});
