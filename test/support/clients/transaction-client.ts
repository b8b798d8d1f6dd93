/** Transaction client of the tests: an instance of a transactional producer over HTTP, by hand. */

import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { Committed, MemberReply } from '../../../protocol/schemas/groups.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import type { ProducerReply } from '../../../protocol/schemas/producers.ts';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import type { TransactionEndReply, TransactionState } from '../../../protocol/schemas/transactions.ts';
import { bytesOf } from '../batches.ts';
import type { Reply, TestBroker } from '../broker/test-broker.ts';

/** For names. */
let names = 0;

interface Code {
  code: string;
}

export class TransactionClient {
  readonly #broker: () => TestBroker;
  readonly name: string;
  producer: ProducerReply = { id: -1, epoch: -1 };
  #sequences = new Map<string, number>();

  constructor(broker: () => TestBroker, name = `tx${++names}`) {
    this.#broker = broker;
    this.name = name;
  }

  static async begin(broker: () => TestBroker, name?: string, more: object = {}): Promise<TransactionClient> {
    const instance = new TransactionClient(broker, name);
    const body = { transactional_id: instance.name, ...more };
    const reply = await broker().call<ProducerReply>('POST', '/v1/default/producers', body);
    if (reply.status !== 200) throw new Error(`beginning is answered by ${reply.status}`);
    instance.producer = reply.body;
    return instance;
  }

  async send(topic: string, partition: number, ...values: unknown[]): Promise<Reply<Code>> {
    const key = `${topic}/${partition}`;
    const sequence = this.#sequences.get(key) ?? 0;
    const reply = await this.#broker().call<Code>('POST', `/v1/default/topics/${topic}/records`, {
      records: values.map((value) => ({ value, partition })),
      producer: { ...this.producer, sequence, transactional_id: this.name },
    });
    if (reply.status === 200) this.#sequences.set(key, sequence + values.length);
    return reply;
  }

  /** A record batch to each of the partitions, in one request. */
  async sendToAll(topic: string, partitions: number): Promise<void> {
    const batch = encodeBatch([{ key: null, value: bytesOf('"x"'), timestamp: 1_000 }], {
      producerId: this.producer.id,
      producerEpoch: this.producer.epoch,
      baseSequence: 0,
      isTransactional: true,
    });
    const numbers = Array.from({ length: partitions }, (_, partition) => partition);
    const bytes = new Uint8Array(numbers.flatMap(() => [...batch]));
    const query = `partitions=${numbers.join(',')}&transactional_id=${this.name}`;
    const headers = { 'content-type': RECORD_BATCH_TYPE };
    const reply = await this.#broker().call(
      'POST',
      `/v1/default/topics/${topic}/records?${query}`,
      bytes,
      headers,
    );
    if (reply.status !== 200) throw new Error(`producing is answered by ${reply.status}`);
  }

  /** Adds offsets of a group. */
  offsets(
    group: string,
    { member_id, epoch }: MemberReply,
    offsets: readonly { topic: string; partition: number; offset: number }[],
  ): Promise<Reply<Committed & ProblemDocument>> {
    const body = { producer: this.producer, group, member_id, epoch, offsets };
    return this.#broker().call('POST', `/v1/default/transactions/${this.name}/offsets`, body);
  }

  async end(how: 'commit' | 'abort'): Promise<Reply<TransactionEndReply & Code>> {
    const path = `/v1/default/transactions/${this.name}/${how}`;
    const reply = await this.#broker().call<TransactionEndReply & Code>('POST', path, {
      producer: this.producer,
    });
    if (reply.status === 200) {
      this.producer = reply.body.producer;
      this.#sequences.clear();
    }
    return reply;
  }

  async state(): Promise<TransactionState> {
    return (await this.#broker().call<TransactionState>('GET', `/v1/default/transactions/${this.name}`)).body;
  }
}
