/**
 * Run of a group consumer. The membership says which partitions it has, the fetcher fills them, the dispatcher passes
 * records to the handler, and the committer stores the progress.
 */

import type { IdentifiedPartition, MemberReply, TopicPartition } from '../../protocol/schemas/groups.ts';
import type { Codecs } from '../client/codecs.ts';
import type { Transport } from '../client/transport.ts';
import { abortedBy, asPosthornError, PosthornError } from '../errors.ts';
import { Producer } from '../producer/producer.ts';
import { Publisher } from '../publisher/publisher.ts';
import type { Queues } from '../admin/queues.ts';
import { tellReplaced } from '../client/topic-replaced.ts';
import type { Topics } from '../admin/topics.ts';
import { Committer } from './committer.ts';
import { buryWith } from './handling/dead-letter.ts';
import { Dispatcher, type DispatcherHost } from './handling/dispatcher.ts';
import { Fetcher, type FetcherHost } from './fetcher.ts';
import type { GroupRecord } from './group-record.ts';
import type { AssignedPartition } from '../values/assigned-partition.ts';
import { GroupRequests } from './group-requests.ts';
import { dispatched } from './handling/levels.ts';
import { openingHandlers } from './handling/opening-handlers.ts';
import { tracedHandlers } from './handling/traced-handlers.ts';
import type { Tracing } from '../client/tracing.ts';
import { Membership, type MembershipHost } from './membership.ts';
import type { GroupConsumerConfig } from './options.ts';
import { PartitionWork } from './handling/partition-work.ts';

export class GroupConsumerRun implements MembershipHost, DispatcherHost, FetcherHost {
  readonly done: Promise<void>;
  readonly config: GroupConsumerConfig;
  readonly membership: Membership;
  readonly committer: Committer;
  readonly bury: DispatcherHost['bury'];
  onEnd: () => void = () => {};
  readonly #tracing: Tracing | undefined;
  readonly #codecs: Codecs;
  /** What is assigned. */
  works: readonly PartitionWork[] = [];
  /** What is being given up: held until the handlers have ended and what they did is committed. */
  readonly #givingUp = new Set<PartitionWork>();
  readonly #revocations = new Set<Promise<void>>();
  /** Lost while handlers were at work: whoever gets them next in this process waits for those. */
  readonly #lost = new Set<PartitionWork>();
  readonly #requests: GroupRequests;
  readonly #fetcher: Fetcher;
  readonly #dispatcher: Dispatcher;
  readonly #end = Promise.withResolvers<void>();
  /** Ends fetching. */
  readonly #taking = new AbortController();
  /** Ends the membership. */
  readonly #member = new AbortController();
  /** Ends everything. */
  readonly #abort = new AbortController();
  #failure: PosthornError | null = null;
  #stopped: Promise<void> | null = null;
  #commitTimer: ReturnType<typeof setTimeout> | undefined;
  #isCommitDue = false;
  #producer: Producer | null = null;
  #publisher: Publisher | null = null;

  constructor(transport: Transport, topics: Topics, queues: Queues, config: GroupConsumerConfig) {
    this.config = config;
    this.#tracing = transport.config.tracing;
    this.#codecs = transport.config.codecs;
    this.done = this.#end.promise;
    const { retry } = transport.config;
    const { sessionTimeoutMs, fetchBytes } = config;
    this.#requests = new GroupRequests(transport, config);
    this.membership = new Membership(this.#requests, this, retry, sessionTimeoutMs, this.#member.signal);
    this.committer = new Committer(
      this.#requests,
      this.membership,
      () => [...this.works, ...this.#givingUp],
      retry,
      sessionTimeoutMs,
      this.#abort.signal,
    );
    this.#fetcher = new Fetcher(
      this.#requests,
      this.membership,
      this,
      retry,
      fetchBytes,
      this.#taking.signal,
    );
    this.#dispatcher = new Dispatcher(
      this,
      dispatched(openingHandlers(tracedHandlers(config, this.#tracing), transport), this),
    );
    const { signal } = this.#abort;
    const sinks = {
      producer: () => (this.#producer ??= new Producer(transport, topics, { signal })),
      publisher: () => (this.#publisher ??= new Publisher(transport, queues, { signal })),
    };
    this.bury = buryWith(config, sinks, queues, signal);
  }

  start(): void {
    const { signal } = this.config;
    if (signal?.aborted) return this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    void this.membership.run();
    void this.#fetcher.run();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.done;
  }

  workOf({ topic, partition }: TopicPartition): PartitionWork {
    const work = this.works.find((owned) => owned.topic === topic && owned.partition === partition);
    if (work) return work;
    throw new PosthornError(
      'partition_not_owned',
      `partition ${partition} of topic "${topic}" is not assigned to this consumer`,
    );
  }

  /** More may be fetched, or handled, or be to commit. */
  changed(): void {
    this.#fetcher.changed();
    this.#dispatcher.work();
    this.#commitLater();
  }

  held(): IdentifiedPartition[] {
    return [...this.works, ...this.#givingUp].map(({ identified }) => identified);
  }

  assigned({ assignment }: MemberReply): void {
    if (this.#stopped) return;
    this.#loseReplaced(assignment);
    const wanted = new Set(assignment.map(keyOf));
    const held = new Set(this.held().map(keyOf));
    const revoked = this.works.filter((work) => !wanted.has(keyOf(work.identified)));
    const { memberId, epoch } = this.membership;
    const owner = { group: this.config.group, memberId, epoch };
    const added = assignment
      .filter((place) => !held.has(keyOf(place))) // what is being given up is taken when that is done
      .map((place) => {
        const from = { name: place.topic, group: owner.group, partition: place.partition };
        const received = (records: readonly GroupRecord[]): void => this.#tracing?.received(from, records);
        return new PartitionWork(place, owner, (error) => this.tell(error), received, this.#codecs);
      });
    if (revoked.length + added.length === 0) return;
    this.works = [...this.works.filter((work) => !revoked.includes(work)), ...added];
    if (revoked.length > 0) this.#giveUp(revoked);
    if (added.length > 0) {
      const prepared = this.#prepare(added);
      for (const work of added) work.prepared = prepared;
    }
  }

  lost(): void {
    this.#lose([...this.works, ...this.#givingUp]);
  }

  /** Topics that were made again: what is in hand of the old ones is of no use, and reading begins anew. */
  #loseReplaced(assignment: readonly IdentifiedPartition[]): void {
    const now = new Map(assignment.map((place) => [placeOf(place), place.topic_id]));
    const replaced = [...this.works, ...this.#givingUp].filter(
      (work) => (now.get(placeOf(work)) ?? work.topicId) !== work.topicId,
    );
    this.#lose(replaced);
    for (const { topic, partition, topicId: previousTopicId } of replaced) {
      const topicId = now.get(placeOf({ topic, partition }))!;
      tellReplaced(this.config.onTopicReplaced, { topic, partition, topicId, previousTopicId });
    }
  }

  #lose(lost: readonly PartitionWork[]): void {
    if (lost.length === 0) return;
    this.works = this.works.filter((work) => !lost.includes(work));
    for (const work of lost) {
      this.#givingUp.delete(work);
      work.end(true);
      this.#lost.add(work);
      void work.idle().then(() => this.#lost.delete(work));
    }
    void this.#call(this.config.onLost, lost).catch((error: unknown) => this.tell(error));
  }

  fetched(): void {
    this.#dispatcher.work();
  }

  drained(): void {
    this.#fetcher.changed();
  }

  handled(work: PartitionWork): void {
    if (this.config.commit === 'interval') this.#commitLater();
    else if (this.config.commit === 'batch' && (this.config.eachBatch || work.isAtEnd)) this.#commitSoon();
  }

  tell(error: unknown, record: GroupRecord | null = null): void {
    try {
      this.config.onError?.(error, record);
    } catch (cause) {
      // An error in the application's `onError` must not end the consumer.
      queueMicrotask(() => {
        throw cause;
      });
    }
  }

  /** Ends as `stop` does; then `done` rejects. What cannot go on as a member ends at once. */
  fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = asPosthornError(error);
    if (this.membership.memberId === '' || this.#failure.code === 'instance_fenced') return this.#break();
    void this.stop();
  }

  /** @throws what the application throws */
  async #call(
    callback: ((partitions: AssignedPartition[]) => unknown) | undefined,
    works: readonly PartitionWork[],
  ): Promise<void> {
    if (works.length > 0) await callback?.(works.map(({ topicPartition: place }) => place));
  }

  async #prepare(works: readonly PartitionWork[]): Promise<void> {
    const former = [...this.#lost].filter((lost) =>
      works.some(({ topic, partition }) => lost.topic === topic && lost.partition === partition),
    );
    await Promise.all(former.map((work) => work.idle()));
    try {
      await this.#call(this.config.onAssigned, works);
    } catch (error) {
      return this.fail(callbackFailed('onAssigned', error));
    }
    for (const work of works) if (work.state === 'assigning') work.state = 'active';
    this.changed();
  }

  #giveUp(works: readonly PartitionWork[]): void {
    for (const work of works) {
      work.end(false);
      this.#givingUp.add(work);
    }
    const revocation = this.#release(works).finally(() => this.#revocations.delete(revocation));
    this.#revocations.add(revocation);
  }

  async #release(works: readonly PartitionWork[]): Promise<void> {
    await Promise.all(works.flatMap((work) => [work.prepared, work.idle()]));
    const isHeld = (work: PartitionWork): boolean => this.#givingUp.has(work);
    try {
      await this.#call(this.config.onRevoked, works.filter(isHeld));
    } catch (error) {
      this.tell(callbackFailed('onRevoked', error));
    }
    if (this.config.commit !== 'manual' && works.some(isHeld)) {
      await this.committer.commit().catch((error: unknown) => this.tell(error));
    }
    for (const work of works) this.#givingUp.delete(work);
    this.membership.hurry();
  }

  #commitLater(): void {
    if (this.#commitTimer !== undefined || this.config.commit === 'manual' || this.#stopped) return;
    this.#commitTimer = setTimeout(() => {
      this.#commitTimer = undefined;
      this.#commitSoon();
    }, this.config.commitIntervalMs);
  }

  /** Those that come while one is under way are one. */
  #commitSoon(): void {
    if (this.#isCommitDue) return;
    this.#isCommitDue = true;
    void this.committer
      .commit(null, () => (this.#isCommitDue = false))
      .catch((error: unknown) => {
        if (this.#abort.signal.aborted) return;
        this.tell(error);
        this.#commitLater();
      });
  }

  async #stop(): Promise<void> {
    this.#taking.abort();
    clearTimeout(this.#commitTimer);
    const { works } = this;
    this.works = [];
    if (works.length > 0) this.#giveUp(works);
    const aborted = new Promise<void>((resolve) =>
      this.#abort.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    await Promise.race([aborted, Promise.all(this.#revocations)]);
    // A join that is given up half-way would leave a member behind that nobody knows.
    if (this.membership.memberId === '')
      await Promise.race([aborted, this.membership.attempt]).catch(() => {});
    if (this.#abort.signal.aborted) return;
    this.#member.abort();
    await Promise.all([this.#leave(), this.#producer?.close(), this.#publisher?.close()]);
    this.#finish();
  }

  /** One that is known by a name comes back, and finds its partitions. */
  async #leave(): Promise<void> {
    const { memberId } = this.membership;
    if (memberId === '' || this.config.instanceId !== undefined) return;
    await this.#requests.leave(memberId, this.#abort.signal).catch((error: unknown) => this.tell(error));
  }

  #finish(): void {
    this.config.signal?.removeEventListener('abort', this.#onAbort);
    this.onEnd();
    if (this.#failure === null) this.#end.resolve();
    else this.#end.reject(this.#failure);
  }

  #break(): void {
    clearTimeout(this.#commitTimer);
    this.#stopped ??= Promise.resolve();
    this.#taking.abort();
    this.#member.abort();
    this.#abort.abort(this.#failure);
    this.lost();
    this.#finish();
  }

  readonly #onAbort = (): void => {
    this.#failure ??= abortedBy(this.config.signal!);
    this.done.catch(() => {}); // who aborts knows it
    this.#break();
  };
}

const placeOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
const keyOf = ({ topic_id: topicId, partition }: IdentifiedPartition): string => `${topicId}/${partition}`;

function callbackFailed(name: string, cause: unknown): PosthornError {
  return new PosthornError('handler_failed', `${name} threw`, { cause });
}
