/**
 * The 20,000 real flights of vega-datasets through a group, in the real runtime: members are killed without a word, stopped
 * and added while flights come in. Each flight is handled, and those of one airport in the order in which they were sent.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { GroupBatch, GroupConsumer, GroupConsumerOptions, GroupRecord } from '../../../sdk/index.ts';
import { groupTests } from './groups-harness.ts';
import { until } from '../harness.ts';

interface Flight {
  date: string;
  origin: string;
}

interface Member {
  consumer: GroupConsumer;
  /** Ends it without leaving, as a crash would. */
  kill: () => void;
}

const PARTITIONS = 10;
const GROUP = 'flights';
const FLIGHTS_PATH = join(import.meta.dirname, '../../../node_modules/vega-datasets/data/flights-20k.json');

const tests = groupTests();

it('handles 20,000 flights while members are killed, stopped and added', async () => {
  const flights = JSON.parse(await readFile(FLIGHTS_PATH, 'utf8')) as Flight[];
  const posthorn = tests.client();
  await posthorn.topics.declare('flights', { partitions: PARTITIONS });
  const producer = posthorn.producer();
  /** Where a flight is in the file, by partition and offset; filled as flights are sent. */
  const sent = new Map<string, number>();
  /** As they are handled, repetitions included. */
  const handled: string[] = [];
  const distinct = new Set<string>();

  const send = async (from: number, to: number): Promise<void> => {
    const records = flights.slice(from, to).map((flight) => ({ key: flight.origin, value: flight }));
    const receipts = await producer.sendBatch('flights', records);
    for (const [index, { partition, offset }] of receipts.entries())
      sent.set(`${partition}/${offset}`, from + index);
  };
  const note = ({ partition, offset, keyText }: GroupRecord): void => {
    handled.push(`${partition}/${offset} ${keyText}`);
    distinct.add(`${partition}/${offset}`);
  };
  const ways: Partial<GroupConsumerOptions>[] = [
    { commit: 'batch', maxBatchRecords: 50 },
    // So seldom that the one that is killed has not committed what it handled last.
    { commit: 'interval', commitIntervalMs: 5_000, orderBy: 'key' },
    { commit: 'interval', commitIntervalMs: 250 },
  ];
  let members = 0;
  const join = (): Member => {
    const killed = new AbortController();
    const way = ways[members++ % ways.length]!;
    const eachRecord = async (record: GroupRecord): Promise<void> => {
      if (record.offset % 100 === 0) await delay(1);
      if (!killed.signal.aborted) note(record);
    };
    const eachBatch = async ({ records }: GroupBatch): Promise<void> => {
      await delay(1);
      if (!killed.signal.aborted) for (const record of records) note(record);
    };
    const { consumer } = tests.consumer({
      group: GROUP,
      topics: ['flights'],
      sessionTimeoutMs: 2_000,
      fetchBytes: 64 * 1024,
      signal: killed.signal,
      ...way,
      ...(way.maxBatchRecords ? { eachBatch } : { eachRecord }),
    });
    return { consumer, kill: () => killed.abort() };
  };

  const [a, b, c] = [join(), join(), join()];
  await send(0, 5_000);
  await until(() => distinct.size > 1_000);
  a.kill();
  const d = join();
  await send(5_000, 10_000);
  await until(() => distinct.size > 6_000);
  b.kill();
  const [e, f] = [join(), join()];
  await send(10_000, 15_000);
  await until(() => distinct.size > 11_000);
  const stopped = c.consumer.stop();
  await send(15_000, flights.length);
  await until(() => distinct.size === flights.length);
  await stopped;
  await Promise.all([d, e, f].map(({ consumer }) => consumer.stop()));
  await producer.close();

  expect(handled.length, 'what the killed ones had not committed came again').toBeGreaterThan(flights.length);
  expect(sent.size).toBe(flights.length);
  expect([...distinct].toSorted()).toEqual([...sent.keys()].toSorted());
  const order = new Map<string, number[]>();
  for (const line of new Set(handled)) {
    const [place, airport] = line.split(' ') as [string, string];
    order.set(airport, [...(order.get(airport) ?? []), sent.get(place)!]);
  }
  const expected = Map.groupBy(flights.keys(), (index) => flights[index]!.origin);
  expect(order.size).toBe(expected.size);
  for (const [airport, indices] of order) expect(indices, airport).toEqual(expected.get(airport));
  const { members: left, offsets } = await posthorn.groups.describe(GROUP);
  expect(offsets.map(({ lag }) => lag)).toEqual(Array.from({ length: PARTITIONS }, () => 0));
  expect(offsets.reduce((sum, { offset }) => sum + offset!, 0)).toBe(flights.length);
  expect(left).toEqual([]);
}, 60_000);
