/** Member of a share group that does what Kafka's clients do, by raw requests. */

import { expect } from 'vitest';
import type { RawClient } from './raw-client.ts';

let ids = 0;

export interface Batch {
  firstOffset: number;
  lastOffset: number;
  acknowledgeTypes: number[];
}

export interface Partition {
  partitionIndex: number;
  errorCode: number;
  acknowledgeErrorCode: number;
  records: Uint8Array;
  acquiredRecords: { firstOffset: number; lastOffset: number; deliveryCount: number }[];
}

export const ACCEPT = 1;
export const RELEASE = 2;
export const REJECT = 3;
export const RENEW = 4;

/** A member that does what Kafka's clients do. */
export class Member {
  client: RawClient;
  readonly group: string;
  readonly topic: string;
  memberId = `member-${String(++ids).padStart(3, '0')}`;
  epoch = 0;
  topicId = '';
  partitions: number[] = [];
  sessionEpoch = 0;

  private constructor(client: RawClient, group: string, topic: string) {
    this.client = client;
    this.group = group;
    this.topic = topic;
  }

  static async join(client: RawClient, group: string, topic: string): Promise<Member> {
    const member = new Member(client, group, topic);
    expect((await member.beat({ subscribedTopicNames: [topic] }))['errorCode']).toBe(0);
    return member;
  }

  async beat(more: object = {}): Promise<Record<string, unknown>> {
    const { group: groupId, memberId, epoch: memberEpoch } = this;
    const answer = await this.client.send('ShareGroupHeartbeat', 1, {
      groupId,
      memberId,
      memberEpoch,
      ...more,
    });
    if (answer['errorCode'] !== 0) return answer;
    this.epoch = answer['memberEpoch'] as number;
    const assigned = (answer['assignment'] ?? { topicPartitions: [] }) as {
      topicPartitions: { topicId: string; partitions: number[] }[];
    };
    this.partitions = assigned.topicPartitions[0]?.partitions ?? [];
    this.topicId = assigned.topicPartitions[0]?.topicId ?? '';
    return answer;
  }

  async fetch(batches: Batch[] = [], more: object = {}): Promise<Record<string, unknown>> {
    const { group: groupId, memberId, topicId } = this;
    const isFirst = this.sessionEpoch === 0;
    const partitions = this.partitions.map((partitionIndex) => ({
      partitionIndex,
      acknowledgementBatches: batches,
    }));
    return await this.client.send('ShareFetch', 2, {
      ...{ groupId, memberId, shareSessionEpoch: this.sessionEpoch++ },
      ...{ maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, maxRecords: 100, batchSize: 100 },
      topics: isFirst || batches.length > 0 ? [{ topicId, partitions }] : [],
      forgottenTopicsData: [],
      ...more,
    });
  }

  /** Offsets, each with its delivery, of a topic with one partition. */
  async take(batches: Batch[] = []): Promise<string[]> {
    const answer = await this.fetch(batches);
    expect(answer['errorCode']).toBe(0);
    return partitionsOf(answer).flatMap(({ acquiredRecords }) =>
      acquiredRecords.map((run) => `${run.firstOffset}-${run.lastOffset}*${run.deliveryCount}`),
    );
  }

  async acknowledge(batches: Batch[], more: object = {}): Promise<number> {
    const { group: groupId, memberId, topicId } = this;
    const partitions = [{ partitionIndex: 0, acknowledgementBatches: batches }];
    const answer = await this.client.send('ShareAcknowledge', 2, {
      ...{ groupId, memberId, shareSessionEpoch: this.sessionEpoch++ },
      topics: [{ topicId, partitions }],
      ...more,
    });
    return (answer['errorCode'] as number) || partitionsOf(answer)[0]!.errorCode;
  }
}

export function partitionsOf(answer: Record<string, unknown>): Partition[] {
  return (answer['responses'] as { partitions: Partition[] }[]).flatMap(({ partitions }) => partitions);
}

export const all = (first: number, last: number, ...types: number[]): Batch => ({
  firstOffset: first,
  lastOffset: last,
  acknowledgeTypes: types,
});
