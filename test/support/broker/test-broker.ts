/** Broker of the tests: a namespace of the shared one or a broker of their own, and what tests ask of it over HTTP. */

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { partitionObjectName, type TopicDefinition } from '../../../core/topology/topics.ts';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import type { FetchReply, ProduceBatchesReply, ProduceReply } from '../../../protocol/schemas/records.ts';
import type { PartitionState, TopicReply } from '../../../protocol/schemas/topics.ts';
import type { Broker, BrokerOptions } from '../../../scripts/broker/broker.ts';
import { newDataFolder, newNamespace, sharedBroker, startTestBroker } from './shared-broker.ts';

export interface Reply<Body> {
  status: number;
  headers: Headers;
  body: Body;
}

export interface TestOptions extends Pick<BrokerOptions, 'vars' | 'onLog' | 'objects' | 'subscribers'> {
  /**
   * Why these tests need a broker of their own, for example "is restarted". Without a reason, and without variables or a
   * log of their own, they get a namespace of the broker that all test files share.
   */
  own?: string;
}

/** Attempts to take an object out of memory. */
const EVICTIONS_MAX = 3;

export class TestBroker {
  readonly namespace: string;
  /** Undefined if the broker is shared. */
  readonly #own: { dataPath: string; options: TestOptions } | undefined;
  #broker: Broker;

  private constructor(broker: Broker, namespace: string, own?: { dataPath: string; options: TestOptions }) {
    this.#broker = broker;
    this.namespace = namespace;
    this.#own = own;
  }

  static async start(options: TestOptions = {}): Promise<TestBroker> {
    if (!options.own && !options.vars && !options.onLog) {
      const broker = await sharedBroker();
      return new TestBroker(broker, await newNamespace(broker));
    }
    const dataPath = await newDataFolder();
    return new TestBroker(await startTestBroker(dataPath, options), 'default', { dataPath, options });
  }

  /** Where clients reach the broker. On a shared one, `/v1/default` below it means the namespace of these tests. */
  get url(): string {
    return this.#own ? this.#broker.url : `${this.#broker.url}/in/${this.namespace}`;
  }

  /** The folder that holds all data. */
  get dataPath(): string {
    return this.#needsOwn('its data folder').dataPath;
  }

  get broker(): Broker {
    return this.#broker;
  }

  async restart(): Promise<void> {
    const { dataPath, options } = this.#needsOwn('a restart');
    await this.#broker.stop();
    this.#broker = await startTestBroker(dataPath, options);
  }

  /** The shared broker goes on: it ends with the process. */
  async stop(): Promise<void> {
    if (!this.#own) return;
    await this.#broker.stop();
    await rm(this.#own.dataPath, { recursive: true, force: true });
  }

  async call<Body = ProblemDocument>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Reply<Body>> {
    const isRaw = body instanceof Uint8Array || typeof body === 'string';
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: isRaw || body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: isRaw ? (body as BodyInit) : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text && JSON.parse(text)) as Body };
  }

  declare(topic: string, declaration: object = {}): Promise<Reply<TopicReply>> {
    return this.call('PUT', `/v1/default/topics/${topic}`, declaration);
  }

  produce(topic: string, records: object[]): Promise<Reply<ProduceReply>> {
    return this.call('POST', `/v1/default/topics/${topic}/records`, { records });
  }

  produceBatches(topic: string, partitions: string, bytes: Uint8Array): Promise<Reply<ProduceBatchesReply>> {
    return this.call('POST', `/v1/default/topics/${topic}/records?partitions=${partitions}`, bytes, {
      'content-type': RECORD_BATCH_TYPE,
    });
  }

  fetch(topic: string, partition: number, query = '', signal?: AbortSignal): Promise<Reply<FetchReply>> {
    const path = `/v1/default/topics/${topic}/partitions/${partition}/records?${query}`;
    return this.call('GET', path, undefined, {}, signal);
  }

  async state(topic: string, partition: number): Promise<PartitionState> {
    return (await this.call<PartitionState>('GET', `/v1/default/topics/${topic}/partitions/${partition}`))
      .body;
  }

  /** Puts the clock of every object forward. What is due runs with its next request, as after a late alarm. */
  async advance(ms: number): Promise<void> {
    this.#needsOwn('a clock that is put forward');
    await fetch(`${this.url}/test/advance?ms=${ms}`);
  }

  /** Has the overview of the namespace ask what has changed, which it does every ten seconds. */
  async askObjects(): Promise<{ reports: number; questions: number; rows: number }> {
    return (await (await fetch(`${this.url}/test/ask`)).json()) as never;
  }

  /** Takes the partition's object out of memory; its sockets sleep. */
  async evict(topic: string, partition: number): Promise<void> {
    const { body } = await this.call<TopicReply>('GET', `/v1/default/topics/${topic}`);
    const definition = { namespace: this.namespace, name: topic, id: body.topology_version };
    await this.evictObject('Partition', partitionObjectName(definition as TopicDefinition, partition));
  }

  /** As `evict`, for a queue. @param id the topology version that created it */
  async evictQueue(queue: string, id: number): Promise<void> {
    await this.evictObject('Queue', `${this.namespace}/${queue}#${id}`);
  }

  /** @param name as the object knows itself, which begins with the namespace */
  async evictObject(className: string, name: string): Promise<void> {
    const { miniflare } = this.#broker;
    for (let attempt = 1; ; attempt++) {
      try {
        return await miniflare.unsafeEvictDurableObject('posthorn', className, {
          name,
          webSockets: 'hibernate',
        });
      } catch (error) {
        if (attempt === EVICTIONS_MAX || !String(error).includes('active references')) throw error;
        await this.#collectGarbage();
      }
    }
  }

  /** A reference of a request that has ended lives until the runtime collects it, which large bodies make it do. */
  async #collectGarbage(): Promise<void> {
    const body = new Uint8Array(8 * 1024 * 1024);
    for (let round = 0; round < 20; round++) {
      // It is refused, and may be before it has been sent as a whole.
      await fetch(`${this.url}/v1/default/queues/none/messages`, { method: 'POST', body }).catch(() => {});
    }
  }

  /** What all databases occupy on disk. */
  async bytesOnDisk(): Promise<number> {
    const files = await readdir(this.dataPath, { recursive: true, withFileTypes: true });
    const sizes = files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name)));
    return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
  }

  #needsOwn(what: string): { dataPath: string; options: TestOptions } {
    if (this.#own) return this.#own;
    throw new Error(`${what} needs a broker of its own: TestBroker.start({ own: 'why' })`);
  }
}
