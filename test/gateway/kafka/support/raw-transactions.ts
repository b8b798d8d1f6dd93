/** Raw transactional producer: sends the requests of a transaction in any order, with the identity and sequences that it is told. */

import { encodeBatch } from '../../../../protocol/record-batch/index.ts';
import { RawClient } from './raw-client.ts';

interface Identity {
  producerId: number;
  producerEpoch: number;
}

type Partitions = { partitions: { errorCode: number }[] }[];

export class RawTransactions {
  readonly client: RawClient;
  readonly transactionalId: string;
  identity: Identity = { producerId: -1, producerEpoch: -1 };
  /** Of the next record; one partition is written to. */
  sequence = 0;

  private constructor(client: RawClient, transactionalId: string) {
    this.client = client;
    this.transactionalId = transactionalId;
  }

  static async connect(port: number, transactionalId: string): Promise<RawTransactions> {
    return new RawTransactions(await RawClient.connect(port), transactionalId);
  }

  close(): void {
    this.client.socket.destroy();
  }

  goOnAs({ identity, sequence }: RawTransactions): void {
    this.identity = identity;
    this.sequence = sequence;
  }

  /** @param more an identity: the instance goes on after a failure */
  async init(more: object = {}): Promise<Record<string, unknown>> {
    const body = { transactionalId: this.transactionalId, transactionTimeoutMs: 60_000, ...more };
    const answer = await this.client.send('InitProducerId', 4, body);
    if (answer['errorCode'] === 0) this.#continue(answer);
    return answer;
  }

  async addPartitions(topic: string, partition = 0, version = 3): Promise<number> {
    const { resultsByTopicV3AndBelow: results } = await this.client.send('AddPartitionsToTxn', version, {
      v3AndBelowTransactionalId: this.transactionalId,
      v3AndBelowProducerId: this.identity.producerId,
      v3AndBelowProducerEpoch: this.identity.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
    });
    const [{ resultsByPartition }] = results as [{ resultsByPartition: { partitionErrorCode: number }[] }];
    return resultsByPartition[0]!.partitionErrorCode;
  }

  /** @param sequence instead of the next */
  async produce(topic: string, value: string, sequence = this.sequence): Promise<number> {
    const batch = encodeBatch(
      [{ key: null, value: new TextEncoder().encode(JSON.stringify(value)), timestamp: Date.now() }],
      { ...this.identity, baseSequence: sequence, isTransactional: true },
    );
    const { responses } = await this.client.send('Produce', 9, {
      transactionalId: this.transactionalId,
      acks: -1,
      timeoutMs: 5_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: batch }] }],
    });
    const { errorCode } = (responses as { partitionResponses: { errorCode: number }[] }[])[0]!
      .partitionResponses[0]!;
    if (errorCode === 0 && sequence === this.sequence) this.sequence += 1;
    return errorCode;
  }

  async addOffsets(groupId: string): Promise<number> {
    const answer = await this.client.send('AddOffsetsToTxn', 3, { ...this.#caller, groupId });
    return answer['errorCode'] as number;
  }

  async commitOffset(
    groupId: string,
    topic: string,
    committedOffset: number,
    version = 3,
    more: object = {},
  ): Promise<number> {
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: null }];
    const body = { ...this.#caller, groupId, topics: [{ name: topic, partitions }], ...more };
    const { topics } = await this.client.send('TxnOffsetCommit', version, body);
    return (topics as Partitions)[0]!.partitions[0]!.errorCode;
  }

  /** From version 5 on the next transaction has the next epoch. */
  async end(committed: boolean, version = 4): Promise<Record<string, unknown>> {
    const answer = await this.client.send('EndTxn', version, { ...this.#caller, committed });
    if (version >= 5 && answer['errorCode'] === 0) this.#continue(answer);
    return answer;
  }

  get #caller(): Identity & { transactionalId: string } {
    return { ...this.identity, transactionalId: this.transactionalId };
  }

  #continue({ producerId, producerEpoch }: Record<string, unknown>): void {
    this.identity = { producerId: producerId as number, producerEpoch: producerEpoch as number };
    this.sequence = 0;
  }
}
