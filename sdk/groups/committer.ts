/** Committer: commits offsets, one request at a time, so that an older offset never follows a newer one. */

import type { IdentifiedOffset } from '../../protocol/schemas/groups.ts';
import { atEndOfTurn } from '../client/end-of-turn.ts';
import { delayMs, type RetryPolicy } from '../client/http/retry.ts';
import { sleep } from '../client/sleep.ts';
import { asPosthornError, type PosthornError } from '../errors.ts';
import type { GroupRequests } from './group-requests.ts';
import type { OffsetToCommit } from '../values/offset-to-commit.ts';
import type { Membership } from './membership.ts';
import type { PartitionWork } from './handling/partition-work.ts';

/** A member that is told to heartbeat first does so, and tries again so often. */
const STALE_ATTEMPTS = 3;

const TO_LEARN = new Set<string>([
  'partition_not_owned',
  'member_not_found',
  'group_not_found',
  'instance_fenced',
  'inconsistent_topic_id',
]);

const keyOf = ({ topic, partition }: { topic: string; partition: number }): string => `${topic}/${partition}`;

interface CommitCall {
  /** Null: what is handled when it begins. */
  offsets: readonly OffsetToCommit[] | null;
  begins: () => void;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class Committer {
  readonly #requests: GroupRequests;
  readonly #membership: Membership;
  /** Those that may still be committed: the ones that are given up, too. */
  readonly #works: () => Iterable<PartitionWork>;
  readonly #retry: RetryPolicy;
  readonly #giveUpMs: number;
  readonly #signal: AbortSignal;
  /** Calls that go with the next request. */
  #waiting: CommitCall[] = [];
  #isRunning = false;

  /**
   * @param giveUpMs how long failures that may pass are tried again
   * @param signal ends all of it
   */
  constructor(
    requests: GroupRequests,
    membership: Membership,
    works: () => Iterable<PartitionWork>,
    retry: RetryPolicy,
    giveUpMs: number,
    signal: AbortSignal,
  ) {
    this.#requests = requests;
    this.#membership = membership;
    this.#works = works;
    this.#retry = retry;
    this.#giveUpMs = giveUpMs;
    this.#signal = signal;
  }

  /**
   * Commits these, or by default whatever is handled when it begins. Calls of one turn of the event loop, and those that
   * come while a request is under way, share the next request.
   */
  commit(
    offsets: readonly OffsetToCommit[] | null = null,
    begins: CommitCall['begins'] = () => {},
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ offsets, begins, resolve, reject });
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    await new Promise<void>(atEndOfTurn);
    while (this.#waiting.length > 0) {
      const calls = this.#waiting.splice(0);
      for (const { begins } of calls) begins();
      const asked = calls.map(({ offsets }) => offsets ?? this.#handled());
      if (calls.length > 1 && areAlike(asked.flat())) await this.#commitTogether(calls, asked);
      else for (const [index, call] of calls.entries()) await this.#commitAlone(call, asked[index]!);
    }
    this.#isRunning = false;
  }

  /** If what the calls share is refused, each that lacks something goes alone, and hears of its own offsets. */
  async #commitTogether(
    calls: readonly CommitCall[],
    asked: readonly (readonly OffsetToCommit[])[],
  ): Promise<void> {
    // Of each partition what was asked for last: an application may go back.
    const latest = new Map(asked.flat().map((offset) => [keyOf(offset), offset]));
    const { left, error } = await this.#send([...latest.values()]);
    const lacking = new Set(left.map(keyOf));
    for (const [index, call] of calls.entries()) {
      const offsets = asked[index]!;
      if (!offsets.some((offset) => lacking.has(keyOf(offset)))) call.resolve();
      else if (error!.retryable) call.reject(error);
      else await this.#commitAlone(call, offsets);
    }
  }

  async #commitAlone(call: CommitCall, offsets: readonly OffsetToCommit[]): Promise<void> {
    const { error } = await this.#send(offsets);
    if (error === null) call.resolve();
    else call.reject(error);
  }

  #handled(): OffsetToCommit[] {
    return [...this.#works()].flatMap(({ uncommitted }) => uncommitted ?? []);
  }

  /** Never rejects. @returns what could not be committed, and why; null if all is committed */
  async #send(
    offsets: readonly OffsetToCommit[],
  ): Promise<{ left: OffsetToCommit[]; error: PosthornError | null }> {
    const startMs = performance.now();
    let left = [...offsets];
    for (let attempt = 1; left.length > 0; attempt++) {
      const { memberId, epoch } = this.#membership;
      try {
        await this.#requests.commit(memberId, epoch, left, this.#signal);
        this.#note(left);
        break;
      } catch (cause) {
        const error = asPosthornError(cause);
        left = this.#without(left, error);
        try {
          if (error.code === 'stale_epoch' && attempt < STALE_ATTEMPTS) {
            await this.#membership.refresh();
            continue;
          }
          if (TO_LEARN.has(error.code)) this.#membership.hurry();
          if (!error.retryable || performance.now() - startMs > this.#giveUpMs) return { left, error };
          await sleep(delayMs(this.#retry, attempt, error), this.#signal);
        } catch (ended) {
          return { left, error: asPosthornError(ended) };
        }
      }
    }
    return { left: [], error: null };
  }

  /** Each partition takes its own: what a refusal says was taken is. */
  #without(offsets: OffsetToCommit[], { details }: PosthornError): OffsetToCommit[] {
    const named = (details['committed'] ?? []) as IdentifiedOffset[];
    const committed = named.map(({ topic_id: topicId, ...offset }): OffsetToCommit => ({
      ...offset,
      topicId,
    }));
    this.#note(committed);
    const taken = new Set(committed.map(keyOf));
    return offsets.filter((offset) => !taken.has(keyOf(offset)));
  }

  #note(offsets: readonly OffsetToCommit[]): void {
    const committed = new Map(offsets.map((offset) => [keyOf(offset), offset]));
    for (const work of this.#works()) {
      const { offset, topicId = work.topicId } = committed.get(keyOf(work)) ?? { offset: work.committed };
      if (topicId === work.topicId) work.committed = offset;
    }
  }
}

/** Whether each partition is of one topic only: a topic may have been made again between two calls. */
function areAlike(offsets: readonly OffsetToCommit[]): boolean {
  const topicIds = new Map<string, number | undefined>();
  return offsets.every((offset) => {
    const key = keyOf(offset);
    if (!topicIds.has(key)) topicIds.set(key, offset.topicId);
    return topicIds.get(key) === offset.topicId;
  });
}
