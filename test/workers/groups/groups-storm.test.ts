/** A group that is worked on while its members come, vanish and leave: nothing is lost, and order holds. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MemberReply } from '../../../protocol/schemas/groups.ts';
import { GroupClient } from '../../support/clients/group-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const PARTITIONS = 6;
const RECORDS = 4_000;
const BATCH = 100;

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

interface Handled {
  partition: number;
  offset: number;
  key: unknown;
  value: unknown;
}

/** A simple client: polls, handles, commits, polls again, until it is stopped one way or the other. */
class Worker {
  readonly handled: Handled[] = [];
  readonly done: Promise<void>;
  #state: 'running' | 'leaving' | 'vanished' = 'running';

  constructor(group: GroupClient) {
    this.done = this.#run(group);
  }

  leave(): void {
    this.#state = 'leaving';
  }

  /** Says nothing any more, in the middle of its work. */
  vanish(): void {
    this.#state = 'vanished';
  }

  async #run(group: GroupClient): Promise<void> {
    const member: MemberReply = await group.joined({ topics: ['storm'], session_timeout_ms: 1_000 });
    while (this.#state === 'running') {
      const { status, body } = await group.poll(member, 'max_records=200&wait_ms=500');
      if (status === 404) return;
      expect(status, body.detail).toBe(200);
      for (const { partition, offset, key, value } of body.records) {
        this.handled.push({ partition, offset, key, value });
      }
      if ((this.#state as string) === 'vanished') return;
      if (body.offsets.length > 0) await group.commit({ ...member, epoch: body.epoch }, body.offsets);
    }
    if (this.#state === 'leaving') await group.leave(member);
  }
}

it('handles every record at least once, and those of a key in their order', async () => {
  const group = new GroupClient(() => broker, 'storm');
  await broker.declare('storm', { partitions: PARTITIONS });
  const workers = [new Worker(group), new Worker(group)];
  const producing = (async () => {
    for (let nth = 0; nth < RECORDS; nth += BATCH) {
      const records = Array.from({ length: BATCH }, (_, i) => ({
        key: `k${(nth + i) % 50}`,
        value: nth + i,
      }));
      await broker.produce('storm', records);
      await delay(20);
    }
  })();
  for (let round = 0; round < 5; round++) {
    await delay(250);
    workers.push(new Worker(group));
    if (round % 2 === 0) workers.at(-2)!.vanish();
    else workers.at(-3)!.leave();
  }
  await group.evict();
  await producing;
  const lag = async (): Promise<number> =>
    (await group.offsets()).reduce((sum, offset) => sum + offset.lag, 0);
  await expect.poll(lag, { timeout: 50_000 }).toBe(0);
  for (const worker of workers) worker.leave();
  await Promise.all(workers.map(({ done }) => done));

  const all = workers.flatMap(({ handled }) => handled);
  const distinct = new Map(all.map((record) => [`${record.partition}/${record.offset}`, record.value]));
  expect(distinct.size).toBe(RECORDS);
  expect([...distinct.values()].toSorted((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: RECORDS }, (_, nth) => nth),
  );
  for (const { handled } of workers) {
    for (const records of Map.groupBy(handled, ({ key }) => key).values()) {
      const first = new Set<unknown>();
      const once = records.filter(({ value }) => !first.has(value) && first.add(value));
      expect(once.map(({ value }) => Number(value))).toEqual(
        once.map(({ value }) => Number(value)).toSorted((a, b) => a - b),
      );
    }
  }
  expect((await group.describe()).body.state).toBe('empty');
}, 60_000);
