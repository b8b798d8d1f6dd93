import { describe, expect, it } from 'vitest';
import { GroupCommit } from '../../../durable-objects/runtime/group-commit.ts';

/** A disk whose syncs end when the test says so. */
function setUp(commit = (items: readonly number[]): number[] => items.map((item) => item * 10)) {
  const groups: number[][] = [];
  const syncs: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const group = new GroupCommit<number, number>({
    commit: (items) => {
      groups.push([...items]);
      return commit(items);
    },
    sync: () => new Promise<void>((resolve, reject) => syncs.push({ resolve, reject })),
  });
  return { group, groups, syncs };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a group commit', () => {
  it('commits at once when idle, and together what arrives meanwhile', async () => {
    const { group, groups, syncs } = setUp();
    const results = [1, 2, 3].map((item) => group.submit(item, 1));
    expect(groups).toEqual([[1]]);
    syncs[0]!.resolve();
    await settled();
    expect(groups).toEqual([[1], [2, 3]]);
    syncs[1]!.resolve();
    expect(await Promise.all(results)).toEqual([10, 20, 30]);
    expect(group.commits).toBe(2);
  });

  it('answers nobody before the disk has it', async () => {
    const { group, syncs } = setUp();
    let answered = false;
    const result = group.submit(1, 1).then(() => (answered = true));
    await settled();
    expect(answered).toBe(false);
    syncs[0]!.resolve();
    await result;
  });

  it('refuses a whole group that cannot be committed, and goes on with the next', async () => {
    const { group, syncs } = setUp((items) => {
      if (items.includes(2)) throw new Error('disk full');
      return [...items];
    });
    const results = [1, 2, 3].map((item) => group.submit(item, 100));
    expect(group.pendingBytes).toBe(300);
    syncs[0]!.resolve();
    await expect(results[1]).rejects.toThrow('disk full');
    await expect(results[2]).rejects.toThrow('disk full');
    const next = group.submit(4, 1);
    syncs[1]!.resolve();
    expect(await next).toBe(4);
    await settled();
    expect(group.pendingBytes).toBe(0);
  });

  it('lets what can wait share the commit of what cannot', async () => {
    const { group, groups } = setUp();
    void group.submit(1, 1, true);
    expect(groups).toEqual([]);
    void group.submit(2, 1);
    expect(groups).toEqual([[1, 2]]);
  });

  it('commits what can wait by itself if nothing else comes', async () => {
    const { group, groups, syncs } = setUp();
    const result = group.submit(1, 1, true);
    await expect.poll(() => groups).toEqual([[1]]);
    syncs[0]!.resolve();
    expect(await result).toBe(10);
    const later = group.submit(2, 1, true);
    await expect.poll(() => groups).toEqual([[1], [2]]);
    syncs[1]!.resolve();
    expect(await later).toBe(20);
  });

  it('commits what waits at once for somebody who wants to see it', async () => {
    const { group, groups, syncs } = setUp();
    const results = [group.submit(1, 1), group.submit(2, 1), group.submit(3, 1, true)];
    group.hurry();
    expect(groups).toEqual([[1], [2, 3]]);
    group.hurry(); // nothing waits
    syncs.forEach(({ resolve }) => resolve());
    expect(await Promise.all(results)).toEqual([10, 20, 30]);
    expect(group.pendingBytes).toBe(0);
    expect(groups).toHaveLength(2);
  });

  it('goes on with what can wait when a commit is on disk', async () => {
    const { group, groups, syncs } = setUp();
    void group.submit(1, 1);
    const last = group.submit(2, 1, true);
    syncs[0]!.resolve();
    await expect.poll(() => groups).toEqual([[1], [2]]);
    syncs[1]!.resolve();
    expect(await last).toBe(20);
  });

  it('refuses what was not made durable', async () => {
    const { group, syncs } = setUp();
    const result = group.submit(1, 1);
    syncs[0]!.reject(new Error('disk gone'));
    await expect(result).rejects.toThrow('disk gone');
  });
});
