/** A broker of queues and partitions that only remember what they stored, and whose calls can fail one by one. */

import { QUEUE_DEFAULTS, type QueueConfig } from '../../../protocol/schemas/queues.ts';
import { TOPIC_DEFAULTS, type TopicConfig } from '../../../protocol/schemas/topics.ts';
import { recordsIn } from '../../../protocol/record-batch/index.ts';
import type { Destination } from '../../../core/exchange/binding.ts';
import { queueObjectName, type QueueDefinition } from '../../../core/topology/queues/queues.ts';
import { partitionObjectName, type TopicDefinition } from '../../../core/topology/topics.ts';
import type { Env } from '../../../durable-objects/env.ts';
import type { PublishOptions } from '../../../durable-objects/rpc/queue.ts';
import { STALE } from '../../../durable-objects/rpc/stale.ts';

interface FakeQueue {
  definition: QueueDefinition;
  /** The version that the object knows: the topology tells it later ones. */
  toldVersion: number;
  stored: string[];
  isFull: boolean;
  taken: Map<string, number>;
}

interface FakeTopic {
  definition: TopicDefinition;
  toldVersion: number;
  /** By partition. */
  stored: string[][];
}

/** How a call fails: before it does something, or after. */
type FailAt = { call: number; isAfter: boolean };

export class FakeBroker {
  readonly queues = new Map<string, FakeQueue>();
  readonly topics = new Map<string, FakeTopic>();
  readonly exchanges = new Map<string, Destination[]>();
  /** Calls of queues, partitions and the topology so far, as `publish a`. */
  calls: string[] = [];
  failAt: FailAt | null = null;
  #versions = 0;

  queue(name: string, config: Partial<QueueConfig> = {}): FakeQueue {
    const id = ++this.#versions;
    const definition = {
      namespace: 'default',
      name,
      id,
      version: id,
      config: { ...QUEUE_DEFAULTS, ...config },
    };
    const queue = {
      definition,
      toldVersion: id,
      stored: [],
      isFull: false,
      taken: new Map<string, number>(),
    };
    this.queues.set(name, queue);
    return queue;
  }

  topic(name: string, config: Partial<TopicConfig> = {}): FakeTopic {
    const id = ++this.#versions;
    const whole = { ...TOPIC_DEFAULTS, ...config };
    const definition = { namespace: 'default', name, id, version: id, config: whole };
    const topic = { definition, toldVersion: id, stored: Array.from({ length: whole.partitions }, () => []) };
    this.topics.set(name, topic);
    return topic;
  }

  /** Changes a definition, without telling the object. */
  change(target: { definition: { version: number } }): void {
    Object.assign(target, { definition: { ...target.definition, version: ++this.#versions } });
  }

  get env(): Env {
    const byName = (stub: (name: string) => object) => ({
      getByName: stub,
      idFromName: (name: string) => name,
      get: stub,
    });
    return {
      TOPOLOGY: byName(() => this.#topology()),
      QUEUE: byName((name) => this.#queueStub(name)),
      PARTITION: byName((name) => this.#partitionStub(name)),
    } as unknown as Env;
  }

  #call<Result>(name: string, run: () => Result): Promise<Result> {
    this.calls.push(name);
    const isNow = this.failAt?.call === this.calls.length;
    if (isNow && !this.failAt!.isAfter) return Promise.reject(new Error('the network has failed'));
    const result = run();
    return isNow ? Promise.reject(new Error('the network has failed')) : Promise.resolve(result);
  }

  #topology(): object {
    return {
      queue: (name: string) =>
        this.#call(`queue ${name}`, () => ({ queue: this.queues.get(name)?.definition ?? null })),
      topic: (name: string) =>
        this.#call(`topic ${name}`, () => ({ topic: this.topics.get(name)?.definition ?? null })),
      exchange: (name: string) =>
        this.#call(`exchange ${name}`, () => ({ exchange: this.exchanges.has(name) ? { name } : null })),
      route: (name: string, messages: unknown[]) =>
        this.#call(`route ${name}`, () => messages.map(() => this.exchanges.get(name) ?? [])),
      definitions: (queues: string[], topics: string[]) =>
        this.#call('definitions', () => ({
          queues: queues.flatMap((name) => this.queues.get(name)?.definition ?? []),
          topics: topics.flatMap((name) => this.topics.get(name)?.definition ?? []),
        })),
      declareQueue: (_: string, name: string, config: Partial<QueueConfig>) =>
        this.#call(`declare ${name}`, () => ({ queue: this.queue(name, config).definition })),
      propagateOne: (kind: string, name: string) =>
        this.#call(`tell ${name}`, () => {
          const target = (kind === 'queue' ? this.queues : this.topics).get(name)!;
          target.toldVersion = target.definition.version;
        }),
    };
  }

  #queueStub(objectName: string): object {
    const queue = [...this.queues.values()].find(
      ({ definition }) => queueObjectName(definition) === objectName,
    );
    const publish = (version: number, bytes: Uint8Array, { source }: PublishOptions) =>
      this.#call(`publish ${queue?.definition.name ?? objectName}`, () => {
        if (!queue || version < queue.definition.version) return STALE;
        const bodies = textsIn(bytes);
        if (queue.isFull) {
          return {
            count: bodies.length,
            exceptions: bodies.map((_, index) => ({ index, outcome: 'rejected' })),
          };
        }
        const last = queue.taken.get(source!.name) ?? -1;
        const numberOf = (index: number): number => source!.numbers?.[index] ?? source!.firstNumber + index;
        queue.stored.push(...bodies.filter((_, index) => numberOf(index) > last));
        queue.taken.set(source!.name, Math.max(last, numberOf(bodies.length - 1)));
        return { count: bodies.length, exceptions: [] };
      });
    return { publish };
  }

  #partitionStub(objectName: string): object {
    const topics = [...this.topics.values()];
    const isIt = ({ definition, stored }: FakeTopic): number =>
      stored.findIndex((_, partition) => partitionObjectName(definition, partition) === objectName);
    const topic = topics.find((one) => isIt(one) >= 0);
    const append = (version: number, bytes: Uint8Array) =>
      this.#call(`append ${topic?.definition.name ?? objectName}`, () => {
        if (!topic || version < topic.definition.version) return STALE;
        topic.stored[isIt(topic)]!.push(...textsIn(bytes));
        return [];
      });
    return { append };
  }
}

function textsIn(bytes: Uint8Array): string[] {
  return recordsIn(bytes).map(({ value }) => new TextDecoder().decode(value ?? new Uint8Array()));
}
