/** Commits that share a request, and who hears of what. */

import { describe, expect, it } from 'vitest';
import { PosthornError } from '../../../sdk/index.ts';
import { Committer } from '../../../sdk/groups/committer.ts';
import type { OffsetToCommit } from '../../../sdk/values/offset-to-commit.ts';
import { turns } from '../client/held-fetch.ts';

type Answer = (offsets: readonly OffsetToCommit[]) => void | Promise<void>;

/** @param answers for one request each; then all is taken */
function committerOf(...answers: Answer[]) {
  const requests: string[][] = [];
  const stop = new AbortController();
  const parts = {
    commit: async (_member: string, _epoch: number, offsets: readonly OffsetToCommit[]) => {
      requests.push(offsets.map(({ partition, offset }) => `${partition}:${offset}`));
      await answers.shift()?.(offsets);
    },
  };
  const membership = { memberId: 'm', epoch: 1, hurry: () => {}, refresh: () => Promise.resolve() };
  const retry = { baseMs: 1, factor: 1, maxMs: 1, attempts: 1 };
  const committer = new Committer(parts as never, membership as never, () => [], retry, 50, stop.signal);
  const commit = (partition: number, offset: number): Promise<void> =>
    committer.commit([{ topic: 't', partition, offset }]);
  return { requests, commit, committer, stop };
}

const refusing =
  (code: 'partition_not_owned', refused: (partition: number) => boolean): Answer =>
  (offsets) => {
    const committed = offsets.filter(({ partition }) => !refused(partition));
    if (committed.length < offsets.length) throw new PosthornError(code, 'no', { details: { committed } });
  };

describe('commits', () => {
  it('of one turn share a request, with the last offset of each partition', async () => {
    const { requests, commit } = committerOf();
    await Promise.all([commit(0, 1), commit(1, 5), commit(0, 2)]);
    expect(requests).toEqual([['0:2', '1:5']]);
  });

  it('that come while one is under way share the next, and none overtakes', async () => {
    const first = Promise.withResolvers<void>();
    const { requests, commit } = committerOf(() => first.promise);
    const all = [commit(0, 1)];
    await turns();
    all.push(commit(0, 2), commit(1, 1));
    await turns();
    all.push(commit(0, 3));
    expect(requests).toEqual([['0:1']]);
    first.resolve();
    await Promise.all(all);
    expect(requests).toEqual([['0:1'], ['0:3', '1:1']]);
  });

  it('that are refused are told to those who asked for them', async () => {
    const isRefused = (partition: number): boolean => partition === 1;
    const refuse = refusing('partition_not_owned', isRefused);
    const { requests, commit } = committerOf(refuse, refuse);
    const outcomes = await Promise.allSettled([commit(0, 1), commit(1, 1), commit(2, 1)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(requests).toEqual([['0:1', '1:1', '2:1'], ['1:1']]);
  });

  it('end, all of them, when the consumer does', async () => {
    const { commit, stop } = committerOf(
      () =>
        new Promise((_, reject) =>
          stop.signal.addEventListener('abort', () => reject(new PosthornError('aborted', 'over'))),
        ),
      () => Promise.reject(new PosthornError('aborted', 'over')),
    );
    const all = [commit(0, 1)];
    await turns();
    all.push(commit(1, 1));
    stop.abort();
    for (const { status } of await Promise.allSettled(all)) expect(status).toBe('rejected');
  });

  it('of a topic that was made again do not share a request with those of the old one', async () => {
    const { requests, committer } = committerOf();
    const place = { topic: 't', partition: 0, offset: 1 };
    await Promise.all([
      committer.commit([{ ...place, topicId: 1 }]),
      committer.commit([{ ...place, topicId: 2 }]),
    ]);
    expect(requests).toEqual([['0:1'], ['0:1']]);
  });

  it('without offsets take what is handled when they begin', async () => {
    const begun: string[] = [];
    const { committer, commit, requests } = committerOf();
    await Promise.all([commit(0, 1), committer.commit(null, () => begun.push('handled'))]);
    expect(begun).toEqual(['handled']);
    expect(requests).toEqual([['0:1']]);
  });
});
