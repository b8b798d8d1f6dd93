/** A broker for tests, in a temporary folder, and what tests ask of it over HTTP. */

import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partitionObjectName, type TopicDefinition } from '../../core/topology/topics.ts';
import type { ProblemDocument } from '../../protocol/errors.ts';
import { RECORD_BATCH_TYPE } from '../../protocol/media-types.ts';
import type { FetchReply, ProduceBatchesReply, ProduceReply } from '../../protocol/schemas/records.ts';
import type { PartitionState, TopicReply } from '../../protocol/schemas/topics.ts';
import { startBroker, type Broker, type BrokerOptions } from '../../scripts/broker.ts';

export interface Reply<Body> {
  status: number;
  headers: Headers;
  body: Body;
}

type TestOptions = Pick<BrokerOptions, 'vars' | 'onLog'>;

export class TestBroker {
  readonly #dataPath: string;
  readonly #options: TestOptions;
  #broker: Broker;

  private constructor(dataPath: string, options: TestOptions, broker: Broker) {
    this.#dataPath = dataPath;
    this.#options = options;
    this.#broker = broker;
  }

  static async start(options: TestOptions = {}): Promise<TestBroker> {
    const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-test-'));
    return new TestBroker(dataPath, options, await startTestBroker(dataPath, options));
  }

  get url(): string {
    return this.#broker.url;
  }

  /** The folder that holds all data. */
  get dataPath(): string {
    return this.#dataPath;
  }

  get broker(): Broker {
    return this.#broker;
  }

  async restart(): Promise<void> {
    await this.#broker.stop();
    this.#broker = await startTestBroker(this.#dataPath, this.#options);
  }

  async stop(): Promise<void> {
    await this.#broker.stop();
    await rm(this.#dataPath, { recursive: true, force: true });
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

  /** Puts the clock of every partition forward. What is due runs with its next request, as after a late alarm. */
  async advance(ms: number): Promise<void> {
    await fetch(`${this.url}/test/advance?ms=${ms}`);
  }

  /** Takes the partition's object out of memory; its sockets sleep. */
  async evict(topic: string, partition: number): Promise<void> {
    const { body } = await this.call<TopicReply>('GET', `/v1/default/topics/${topic}`);
    const definition = { namespace: 'default', name: topic, id: body.topology_version } as TopicDefinition;
    await this.#broker.miniflare.unsafeEvictDurableObject('posthorn', 'Partition', {
      name: partitionObjectName(definition, partition),
      webSockets: 'hibernate',
    });
  }

  /** As `evict`, for a queue. @param id the topology version that created it */
  async evictQueue(queue: string, id: number): Promise<void> {
    await this.#broker.miniflare.unsafeEvictDurableObject('posthorn', 'Queue', {
      name: `default/${queue}#${id}`,
      webSockets: 'hibernate',
    });
  }

  /** What all databases occupy on disk. */
  async bytesOnDisk(): Promise<number> {
    const files = await readdir(this.#dataPath, { recursive: true, withFileTypes: true });
    const sizes = files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name)));
    return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
  }
}

function startTestBroker(dataPath: string, options: TestOptions): Promise<Broker> {
  return startBroker({ ...options, dataPath, entry: 'test/support/test-worker.ts' });
}
