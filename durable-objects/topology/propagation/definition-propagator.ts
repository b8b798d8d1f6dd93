/**
 * Definition propagator: tells objects the changes that affect them, each object in order and different objects at the
 * same time. A failed effect stays noted for the next time, and delays only its own object.
 */

import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import type { ScheduleDefinition } from '../../../core/topology/schedules.ts';
import type { SubscriptionDefinition } from '../../../core/topology/subscriptions.ts';
import type { TopicDefinition } from '../../../core/topology/topics.ts';
import type { TargetKind } from '../../rpc/topology.ts';
import { overviewStub, partitionStub, queueStub, scheduleStub, subscriptionStub } from '../../stubs.ts';
import type { Env } from '../../env.ts';
import {
  isQueueEffect,
  isScheduleEffect,
  isSubscriptionEffect,
  type ChangeStore,
  type Effect,
} from './change-store.ts';
import { nextTurn } from '../../runtime/next-turn.ts';

/** Objects told at the same time. */
const FAN_OUT = 16;

/** Effects in memory at the same time. */
const EFFECTS_PER_ROUND = 64;

export class DefinitionPropagator {
  readonly #env: Env;
  readonly #changes: ChangeStore;
  /** By target: the telling that is under way. It never rejects. */
  readonly #telling = new Map<string, Promise<void>>();

  constructor(env: Env, changes: ChangeStore) {
    this.#env = env;
    this.#changes = changes;
  }

  /** @returns whether everything that was noted has been told */
  async tellAll(): Promise<boolean> {
    const failed = new Set<string>();
    let after = 0;
    for (;;) {
      const effects = this.#changes.effectsAfter(after, EFFECTS_PER_ROUND);
      if (effects.length === 0) return failed.size === 0;
      after = effects.at(-1)!.id;
      const byTarget = [...Map.groupBy(effects, targetOf)];
      for (let first = 0; first < byTarget.length; first += FAN_OUT) {
        if (first > 0) await nextTurn(); // a reply that bounds its wait for this has a timer
        const targets = byTarget.slice(first, first + FAN_OUT);
        await Promise.all(targets.map(([target, of]) => this.#tellInOrder(target, of, failed)));
      }
    }
  }

  /**
   * Tells one object, without waiting for others.
   * @returns whether it has been told everything
   */
  async tell(kind: TargetKind, name: string): Promise<boolean> {
    const failed = new Set<string>();
    const effects = this.#changes.effectsOf(name).filter((effect) => kindOf(effect) === kind);
    const byTarget = Map.groupBy(effects, targetOf);
    await Promise.all([...byTarget].map(([target, of]) => this.#tellInOrder(target, of, failed)));
    return failed.size === 0;
  }

  /** Runs after other work for the same target, which must not hear of an older change after a newer one. */
  async #tellInOrder(target: string, effects: Effect[], failed: Set<string>): Promise<void> {
    const turn = (): Promise<void> => this.#tellEach(target, effects, failed);
    const before = this.#telling.get(target);
    // One that failed must not fail all after it: the storage may have refused a look once.
    const work = before ? before.then(turn, turn) : turn();
    this.#telling.set(target, work);
    try {
      await work;
    } finally {
      if (this.#telling.get(target) === work) this.#telling.delete(target);
    }
  }

  async #tellEach(target: string, effects: Effect[], failed: Set<string>): Promise<void> {
    for (const effect of effects) {
      if (failed.has(target)) return;
      if (!this.#changes.hasEffect(effect.id)) continue; // told meanwhile
      try {
        await this.#tell(effect);
        this.#changes.removeEffect(effect.id);
      } catch (error) {
        console.error(`${target} could not be told of a change; trying again`, error);
        failed.add(target);
      }
    }
  }

  async #tell(effect: Effect): Promise<void> {
    const isGone = effect.kind.startsWith('destroy');
    if (isScheduleEffect(effect)) await this.#tellSchedule(effect.definition, isGone);
    else if (isSubscriptionEffect(effect)) await this.#tellSubscription(effect.definition, isGone);
    else if (isQueueEffect(effect)) await this.#tellQueue(effect.definition, isGone);
    else await this.#tellPartitions(effect.definition, isGone);
  }

  async #tellQueue(queue: QueueDefinition, isGone: boolean): Promise<void> {
    const stub = queueStub(this.#env, queue);
    if (!isGone) return await stub.configure(queue);
    await stub.destroy();
    await this.#leaveOverview('queue', queue);
  }

  async #tellSchedule(schedule: ScheduleDefinition, isGone: boolean): Promise<void> {
    const stub = scheduleStub(this.#env, schedule);
    if (isGone) await stub.destroy();
    else await stub.configure(schedule);
  }

  async #tellSubscription(subscription: SubscriptionDefinition, isGone: boolean): Promise<void> {
    const stub = subscriptionStub(this.#env, subscription);
    if (isGone) await stub.destroy();
    else await stub.configure(subscription);
  }

  async #tellPartitions(topic: TopicDefinition, isGone: boolean): Promise<void> {
    const numbers = Array.from({ length: topic.config.partitions }, (_, number) => number);
    for (let first = 0; first < numbers.length; first += FAN_OUT) {
      const calls = numbers.slice(first, first + FAN_OUT).map(async (partition) => {
        const stub = partitionStub(this.#env, topic, partition);
        if (isGone) await stub.destroy();
        else await stub.configure({ topic, partition });
      });
      await Promise.all(calls);
    }
    if (isGone) await this.#leaveOverview('topic', topic);
  }

  async #leaveOverview(
    kind: 'queue' | 'topic',
    { namespace, name, id }: QueueDefinition | TopicDefinition,
  ): Promise<void> {
    await overviewStub(this.#env, namespace).forget({ kind, name, id });
  }
}

function kindOf(effect: Effect): TargetKind {
  if (isSubscriptionEffect(effect)) return 'subscription';
  return isScheduleEffect(effect) ? 'schedule' : isQueueEffect(effect) ? 'queue' : 'topic';
}

function targetOf(effect: Effect): string {
  const { name, id } = effect.definition;
  return `${kindOf(effect)} ${name}#${id}`;
}
