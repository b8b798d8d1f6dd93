/** A broker for the tests of groups, that can be restarted under its clients, and consumers that note what they are given. */

import { afterAll, beforeAll } from 'vitest';
import {
  Posthorn,
  type GroupConsumer,
  type GroupConsumerOptions,
  type GroupRecord,
  type PosthornOptions,
  type TopicPartition,
} from '../../../sdk/index.ts';
import { TestBroker, type TestOptions } from '../../support/broker/test-broker.ts';
import { FAST_RETRY, until } from '../harness.ts';

export interface Seen {
  topic: string;
  partition: number;
  offset: number;
  key: string | null;
  value: unknown;
}

/** What a consumer was given and told, in order. */
export class Notes {
  readonly records: Seen[] = [];
  readonly assigned: number[] = [];
  readonly revoked: number[] = [];
  readonly lost: number[] = [];
  readonly errors: unknown[] = [];

  see(record: GroupRecord): void {
    const { topic, partition, offset, keyText: key } = record;
    this.records.push({ topic, partition, offset, key, value: record.json() });
  }

  get values(): unknown[] {
    return this.records.map(({ value }) => value);
  }
}

export interface GroupTests {
  readonly broker: TestBroker;
  client(options?: Partial<PosthornOptions>): Posthorn;
  /** A topic of its own, with so many records in each partition: `<partition>-<nth>`, keyed by `k<nth % 3>`. */
  topic(partitions: number, records?: number): Promise<string>;
  /** More of them. */
  fill(topic: string, partitions: number, records: number, from?: number): Promise<void>;
  /** A consumer that notes what it is given, and is stopped at the end of the test file at the latest. */
  consumer(
    options: Partial<GroupConsumerOptions> & { group: string },
    notes?: Notes,
    posthorn?: Posthorn,
  ): { consumer: GroupConsumer; notes: Notes };
}

let topics = 0;

export function groupTests(options: TestOptions = {}): GroupTests {
  let broker: TestBroker;
  const stop = new AbortController();
  beforeAll(async () => {
    broker = await TestBroker.start(options);
  });
  afterAll(async () => {
    stop.abort();
    await broker.stop();
  });
  const client = (fields: Partial<PosthornOptions> = {}): Posthorn =>
    new Posthorn({
      url: 'http://broker',
      // A broker that was restarted has another port.
      fetch: (url, init) => fetch(url.replace('http://broker', broker.url), init),
      retry: FAST_RETRY,
      ...fields,
    });
  const fill = async (topic: string, partitions: number, records: number, from = 0): Promise<void> => {
    await using producer = client().producer();
    const sends = Array.from({ length: partitions * records }, (_, index) => {
      const partition = index % partitions;
      const nth = from + Math.floor(index / partitions);
      return producer.send(topic, { partition, key: `k${nth % 3}`, value: `${partition}-${nth}` });
    });
    await Promise.all(sends);
  };
  return {
    get broker() {
      return broker;
    },
    client,
    fill,
    topic: async (partitions, records = 0) => {
      const name = `shared-${++topics}`;
      await client().topics.declare(name, { partitions });
      await fill(name, partitions, records);
      return name;
    },
    consumer: (fields, notes = new Notes(), posthorn = client()) => {
      const numbersOf = (places: TopicPartition[]): number[] => places.map(({ partition }) => partition);
      const consumer = posthorn.consumer({
        sessionTimeoutMs: 6_000,
        commit: 'batch',
        ...(fields.eachBatch ? {} : { eachRecord: (record: GroupRecord) => notes.see(record) }),
        onAssigned: (places) => void notes.assigned.push(...numbersOf(places)),
        onRevoked: (places) => void notes.revoked.push(...numbersOf(places)),
        onLost: (places) => void notes.lost.push(...numbersOf(places)),
        onError: (error) => void notes.errors.push(error),
        signal: stop.signal,
        ...fields,
      });
      return { consumer, notes };
    },
  };
}

/** Waits until the group has committed everything. */
export async function untilHandled(posthorn: Posthorn, group: string): Promise<void> {
  await until(async () => {
    const offsets = await posthorn.groups.offsets(group).catch(() => []);
    return offsets.length > 0 && offsets.every(({ lag }) => lag === 0);
  });
}

/** Whether the records of each key came in the order of their offsets, repetitions left out. */
export function isInOrder(records: readonly Seen[]): boolean {
  const last = new Map<string, number>();
  const seen = new Set<string>();
  return records.every(({ topic, partition, key, offset }) => {
    const place = `${topic}/${partition}`;
    if (seen.has(`${place}/${offset}`)) return true;
    seen.add(`${place}/${offset}`);
    const lane = `${place}/${key}`;
    const inOrder = (last.get(lane) ?? -1) < offset;
    last.set(lane, offset);
    return inOrder;
  });
}
