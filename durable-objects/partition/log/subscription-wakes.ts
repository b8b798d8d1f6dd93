/**
 * Subscription wakes: tells the subscriptions of a partition that there is something to read. One that has read to the end is told
 * after the next commit, once; it is told again after it has read to the end again. So nobody polls, and a subscription that is
 * behind costs the partition nothing.
 *
 *   telling    it is being told
 *   told       it knows that there is more
 *   at end     it has read everything; the next commit tells it
 *   unknown    the object has woken since: the next commit tells it, and so do the alarm and the watchdog
 *
 * The alarm is set before the commit is answered, for an object that ends before it has told anybody. Each is told where the
 * partition ends, so that one that has read so far already does nothing, not even a read.
 */

import type { ObjectContext } from '../../runtime/context.ts';
import { subscriptionStub } from '../../stubs.ts';
import type { OpenPartition as Open } from '../open-partition.ts';

const TASK = 'subscriptions';

/** When the alarm tells those who were not told, in ms. It is not moved for each commit: that would cost a row. */
const SAFETY_MS = 30_000;

/** After one could not be told, in ms. */
const RETRY_MS = 1_000;

type Context = Pick<ObjectContext, 'alarm' | 'env' | 'now' | 'waitUntil'>;

export class SubscriptionWakes {
  readonly #context: Context;
  readonly #open: () => Open | null;
  readonly #states = new Map<number, 'telling' | 'told' | 'at end'>();

  /** @param open null: the partition was deleted */
  constructor(context: Context, open: () => Open | null) {
    this.#context = context;
    this.#open = open;
    context.alarm.register(TASK, () => {
      this.wake();
      return null;
    });
  }

  /** A subscription has read to the end. */
  noteAtEnd(id: number): void {
    this.#states.set(id, 'at end');
  }

  /** Records are about to be committed. */
  beforeCommit(): void {
    const areTold = this.#subscriptions.every(({ id }) => this.#states.get(id) === 'told');
    if (areTold || this.#context.alarm.isScheduled(TASK)) return;
    this.#context.alarm.schedule(TASK, this.#context.now() + SAFETY_MS);
  }

  /** Records are committed. Tells those who may think that there are none. */
  wake(): void {
    for (const { name, id } of this.#subscriptions) {
      const state = this.#states.get(id);
      if (state === undefined || state === 'at end') this.#context.waitUntil(this.#tell(name, id));
    }
  }

  /** Tells those who do not know yet whether there is more. */
  wakeUnknown(): void {
    for (const { name, id } of this.#subscriptions)
      if (!this.#states.has(id)) this.#context.waitUntil(this.#tell(name, id));
  }

  get #subscriptions() {
    return this.#open()?.definition.topic.subscriptions ?? [];
  }

  /** Never rejects. */
  async #tell(name: string, id: number): Promise<void> {
    const { definition, log } = this.#open()!;
    const { topic, partition } = definition;
    const endOffset = log.offsets.highWatermark;
    this.#states.set(id, 'telling');
    try {
      const stub = subscriptionStub(this.#context.env, { namespace: topic.namespace, name, id });
      const answer = await stub.wake({ topicId: topic.id, version: topic.version, partition, endOffset });
      if (answer !== null) return this.#answered(name, id, answer, endOffset);
    } catch (error) {
      console.error(`subscription ${name} could not be told of records`, error);
    }
    if (this.#states.get(id) === 'telling') this.#states.delete(id);
    this.#context.alarm.scheduleEarlier(TASK, this.#context.now() + RETRY_MS);
  }

  #answered(name: string, id: number, answer: 'told' | 'at end', endOffset: number): void {
    if (this.#states.get(id) !== 'telling') return; // it has read to the end meanwhile
    this.#states.set(id, answer);
    const end = this.#open()?.log.offsets.highWatermark ?? endOffset;
    if (answer === 'at end' && end > endOffset) this.#context.waitUntil(this.#tell(name, id));
  }
}
