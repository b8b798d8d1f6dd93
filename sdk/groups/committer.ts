/** Committer: commits offsets, one request at a time, so that an older offset never follows a newer one. */

import type { IdentifiedOffset } from '../../protocol/schemas/groups.ts';
import { delayMs, type RetryPolicy } from '../client/retry.ts';
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

export class Committer {
  readonly #requests: GroupRequests;
  readonly #membership: Membership;
  /** Those that may still be committed: the ones that are given up, too. */
  readonly #works: () => Iterable<PartitionWork>;
  readonly #retry: RetryPolicy;
  readonly #giveUpMs: number;
  readonly #signal: AbortSignal;
  #last: Promise<void> = Promise.resolve();

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

  /** Commits these, or by default whatever is handled when its turn comes. */
  commit(offsets?: readonly OffsetToCommit[]): Promise<void> {
    const turn = this.#last.then(() => this.#send(offsets ?? this.#handled()));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Resolves when what was to commit so far is, or has failed. */
  idle(): Promise<void> {
    return this.#last;
  }

  #handled(): OffsetToCommit[] {
    return [...this.#works()].flatMap(({ uncommitted }) => uncommitted ?? []);
  }

  async #send(offsets: readonly OffsetToCommit[]): Promise<void> {
    const startMs = performance.now();
    let left = [...offsets];
    for (let attempt = 1; left.length > 0; attempt++) {
      const { memberId, epoch } = this.#membership;
      try {
        await this.#requests.commit(memberId, epoch, left, this.#signal);
        return this.#note(left);
      } catch (cause) {
        const error = asPosthornError(cause);
        left = this.#without(left, error);
        if (error.code === 'stale_epoch' && attempt < STALE_ATTEMPTS) {
          await this.#membership.refresh();
          continue;
        }
        if (TO_LEARN.has(error.code)) this.#membership.hurry();
        if (!error.retryable || performance.now() - startMs > this.#giveUpMs) throw error;
        await sleep(delayMs(this.#retry, attempt, error), this.#signal);
      }
    }
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
