/**
 * Subscription wakes: tells the subscriptions of a partition that there is something to read. One that has read to the end is told
 * after the next commit, once; it is told again after it has read to the end again. So nobody polls, and a subscription that is
 * behind costs the partition nothing.
 *
 *   told       it knows that there is more, or is being told
 *   at end     it has read everything; the next commit tells it
 *   unknown    the object has woken since: the next commit tells it, and so does the alarm
 *
 * The alarm is set before the commit is answered, for an object that ends before it has told anybody.
 */

import type { ObjectContext } from '../../runtime/context.ts';
import { subscriptionStub } from '../../stubs.ts';
import type { PartitionDefinition } from '../../rpc/partition.ts';

const TASK = 'subscriptions';

/** When the alarm tells those who were not told, in ms. It is not moved for each commit: that would cost a row. */
const SAFETY_MS = 30_000;

/** After one could not be told, in ms. */
const RETRY_MS = 1_000;

type Context = Pick<ObjectContext, 'alarm' | 'env' | 'now' | 'waitUntil'>;

export class SubscriptionWakes {
  readonly #context: Context;
  readonly #definition: () => PartitionDefinition | null;
  readonly #states = new Map<number, 'told' | 'at end'>();

  /** @param definition null: the partition was deleted */
  constructor(context: Context, definition: () => PartitionDefinition | null) {
    this.#context = context;
    this.#definition = definition;
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
    if (this.#waiting().length === 0 || this.#context.alarm.isScheduled(TASK)) return;
    this.#context.alarm.schedule(TASK, this.#context.now() + SAFETY_MS);
  }

  /** Records are committed. */
  committed(): void {
    if (this.#waiting().length > 0) this.wake();
  }

  /** Tells those who do not know yet whether there is more. */
  wakeUnknown(): void {
    for (const { name, id } of this.#definition()?.topic.subscriptions ?? [])
      if (!this.#states.has(id)) this.#context.waitUntil(this.#tell(name, id));
  }

  wake(): void {
    for (const { name, id } of this.#waiting()) this.#context.waitUntil(this.#tell(name, id));
  }

  #waiting() {
    const subscriptions = this.#definition()?.topic.subscriptions ?? [];
    return subscriptions.filter(({ id }) => this.#states.get(id) !== 'told');
  }

  /** Never rejects. */
  async #tell(name: string, id: number): Promise<void> {
    const { topic, partition } = this.#definition()!;
    this.#states.set(id, 'told');
    try {
      const stub = subscriptionStub(this.#context.env, { namespace: topic.namespace, name, id });
      if (await stub.wake({ topicId: topic.id, version: topic.version, partition })) return;
    } catch (error) {
      console.error(`subscription ${name} could not be told of records`, error);
    }
    if (this.#states.get(id) === 'told') this.#states.delete(id);
    this.#context.alarm.scheduleEarlier(TASK, this.#context.now() + RETRY_MS);
  }
}
