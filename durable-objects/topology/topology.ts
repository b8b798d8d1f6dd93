/**
 * The topology of a namespace: what exists and how it is defined. Each change is one commit that also notes what the
 * objects concerned have to be told; they are told then, in the order of the changes, and again after a crash.
 */

import { DurableObject } from 'cloudflare:workers';
import { changeTopic, declareTopic, type TopicDefinition } from '../../core/topology/topics.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { TopicChange, TopicDeclaration } from '../../protocol/topics.ts';
import { Alarm } from '../runtime/alarm.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import { partitionStub, type Env } from '../stubs.ts';
import { TopologyStore, type Effect } from './topology-store.ts';

/** Objects told at the same time. */
const FAN_OUT = 16;

/** After an object could not be told. */
const RETRY_DELAY_MS = 5_000;

export interface TopicAnswer {
  topic: TopicDefinition;
  topologyVersion: number;
}

export class Topology extends DurableObject<Env> {
  readonly #store: TopologyStore;
  #alarm!: Alarm;
  /** The telling that is under way. */
  #settling: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new TopologyStore(new DurableSql(ctx.storage));
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => Date.now());
      this.#alarm.register('effects', () => {
        ctx.waitUntil(this.settle());
        return null;
      });
      if (this.#store.nextEffect()) this.#alarm.schedule('effects', Date.now() + RETRY_DELAY_MS);
    });
  }

  topic(name: string): { topic: TopicDefinition | null; topologyVersion: number } {
    return { topic: this.#store.topic(name), topologyVersion: this.#store.version() };
  }

  topics(): TopicDefinition[] {
    return this.#store.topics();
  }

  async declareTopic(
    namespace: string,
    name: string,
    declaration: TopicDeclaration,
  ): Promise<(TopicAnswer & { isNew: boolean }) | Failure> {
    const declared = declareTopic(this.#store.topic(name), namespace, name, declaration, this.#nextVersion());
    if (isFailure(declared)) return declared;
    if (declared.isNew) {
      const unavailable = this.#unavailable(declared.definition);
      if (unavailable) return unavailable;
      this.#store.putTopic(declared.definition);
      await this.settle();
    }
    return { topic: declared.definition, isNew: declared.isNew, topologyVersion: this.#store.version() };
  }

  async changeTopic(name: string, change: TopicChange): Promise<TopicAnswer | Failure> {
    const existing = this.#store.topic(name);
    if (!existing) return noSuchTopic(name);
    const changed = changeTopic(existing, change, this.#nextVersion());
    if (isFailure(changed)) return changed;
    if (changed !== existing) {
      this.#store.putTopic(changed);
      await this.settle();
    }
    return { topic: changed, topologyVersion: this.#store.version() };
  }

  async deleteTopic(name: string): Promise<TopicAnswer | Failure> {
    const topic = this.#store.topic(name);
    if (!topic) return noSuchTopic(name);
    const topologyVersion = this.#nextVersion();
    this.#store.removeTopic(topic, topologyVersion);
    await this.settle();
    return { topic, topologyVersion };
  }

  /**
   * Tells the objects what they have to know, in order. What fails stays noted and is tried again by the alarm, and by a
   * router that finds an object which has not been told.
   */
  settle(): Promise<void> {
    this.#settling ??= this.#settle().finally(() => (this.#settling = null));
    return this.#settling;
  }

  override alarm(): void {
    this.#alarm.fired();
  }

  async #settle(): Promise<void> {
    try {
      for (let effect = this.#store.nextEffect(); effect; effect = this.#store.nextEffect()) {
        await this.#tell(effect);
        this.#store.removeEffect(effect.id);
      }
    } catch (error) {
      console.error('objects could not be told of a change; trying again', error);
      this.#alarm.schedule('effects', Date.now() + RETRY_DELAY_MS);
    }
  }

  async #tell({ kind, topic }: Effect): Promise<void> {
    const numbers = Array.from({ length: topic.config.partitions }, (_, number) => number);
    for (let first = 0; first < numbers.length; first += FAN_OUT) {
      const calls = numbers.slice(first, first + FAN_OUT).map(async (partition) => {
        const stub = partitionStub(this.env, topic, partition);
        if (kind === 'destroy') await stub.destroy();
        else await stub.configure({ topic, partition });
      });
      await Promise.all(calls);
    }
  }

  #nextVersion(): number {
    return this.#store.version() + 1;
  }

  #unavailable(topic: TopicDefinition): Failure | null {
    try {
      partitionStub(this.env, topic, 0);
      return null;
    } catch {
      const { jurisdiction } = topic.config;
      return failure(
        'jurisdiction_unavailable',
        `this runtime cannot keep data in the jurisdiction "${jurisdiction}"; deploy to use it, or leave it out`,
      );
    }
  }
}

export function noSuchTopic(name: string): Failure {
  return failure('topic_not_found', `there is no topic "${name}"; PUT creates it`);
}
