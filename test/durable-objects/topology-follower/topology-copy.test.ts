import { beforeEach, describe, expect, it } from 'vitest';
import type { ChangesQuestion } from '../../../durable-objects/rpc/topology-follower.ts';
import { TopologyCopy } from '../../../durable-objects/topology-follower/topology-copy.ts';

let nowMs: number;
let version: number;
let cutBelow: number;
let asked: ChangesQuestion[];
let snapshots: number;
let copy: TopologyCopy;

beforeEach(() => {
  nowMs = 1_000_000;
  version = 200;
  cutBelow = 0;
  asked = [];
  snapshots = 0;
  copy = new TopologyCopy(
    {
      changes: async (question) => {
        asked.push({ ...question });
        await new Promise((resolve) => setImmediate(resolve));
        if (question.since < cutBelow || question.since > version) return { part: null, ageMs: 0 };
        const count = version - question.since;
        return {
          part: {
            changesJson: JSON.stringify(new Array(count).fill({ put: 'other' })),
            count,
            isPartial: false,
          },
          ageMs: 0,
        };
      },
      snapshot: async () => {
        snapshots += 1;
        await new Promise((resolve) => setImmediate(resolve));
        return { version, names: null, bindingsJson: '[]', next: null };
      },
    },
    () => nowMs,
  );
});

const ask = async (since: number, more: Partial<ChangesQuestion> = {}) => {
  const { part, ageMs } = await copy.changes({ since, atLeast: 0, maxAgeMs: 500, ...more });
  return { count: part?.count ?? null, ageMs };
};

describe('a copy of a topology', () => {
  it('asks once for all that ask at the same time, and for nobody while it is young enough', async () => {
    const answers = await Promise.all([ask(190), ask(150), ask(200)]);
    expect(answers.map(({ count }) => count)).toEqual([10, 50, 0]);
    expect(asked).toHaveLength(1);
    nowMs += 500;
    expect(await ask(199)).toEqual({ count: 1, ageMs: 500 });
    expect(asked).toHaveLength(1);
    nowMs += 1;
    expect(await ask(199)).toEqual({ count: 1, ageMs: 0 });
    expect(asked).toHaveLength(2);
  });

  it('asks for a version that it has not, whatever its age', async () => {
    await ask(200);
    version = 201;
    expect((await ask(200)).count).toBe(0);
    expect((await ask(200, { atLeast: 201 })).count).toBe(1);
    version = 202;
    expect((await ask(202)).count).toBe(0); // the router has been elsewhere
    expect(asked.at(-1)).toMatchObject({ since: 201, atLeast: 202, maxAgeMs: 250 });
  });

  it('reaches back for a router that is far behind', async () => {
    await ask(200);
    expect((await ask(20)).count).toBe(180);
    expect((await ask(0)).count).toBe(200);
  });

  it('leads nowhere from before the cut of the log, and reads a new snapshot then', async () => {
    cutBelow = 120;
    await Promise.all([copy.snapshot(null), copy.snapshot(null)]);
    expect(snapshots).toBe(1);
    expect((await ask(119)).count).toBeNull();
    expect((await ask(120)).count).toBe(80);
    await copy.snapshot(null);
    expect(snapshots).toBe(2);
    nowMs += 60_001;
    await copy.snapshot(null);
    expect(snapshots).toBe(3);
  });

  it('does not trust a confirmation of a time that has not come', async () => {
    await ask(200);
    nowMs -= 10_000;
    await ask(200);
    expect(asked).toHaveLength(2);
  });
});
