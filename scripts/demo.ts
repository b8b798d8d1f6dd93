/**
 * `npm run demo`: sends the 20,000 real flights of vega-datasets, keyed by the airport they left, through a topic with 10
 * partitions, reads them back from the start, from a time and as a group that loses a member, and proves what came back.
 *
 *   npm run demo              against a broker of its own, whose data is removed at the end
 *   POSTHORN_URL=http://...   against that broker; POSTHORN_TOKEN has the token, if it asks for one
 *   npm run demo -- --json    prints one JSON document and nothing else
 *
 * Exit code 0 if all proofs hold, 1 if one fails or the broker does, 130 after Ctrl-C.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Posthorn,
  PosthornError,
  type GroupConsumer,
  type GroupRecord,
  type ReceivedRecord,
} from '../sdk/index.ts';
import { stopOnSignals, withBroker, type BrokerAddress } from './broker/own-broker.ts';
import { answerHelp } from './command/options.ts';

answerHelp(import.meta.filename);

interface Flight {
  /** Local time of departure, `2001/01/01 00:47`; taken as UTC. */
  date: string;
  delay: number;
  distance: number;
  origin: string;
  destination: string;
}

interface Proof {
  claim: string;
  holds: boolean;
  /** What was seen, for people. */
  seen: string;
}

interface Report {
  flights: number;
  airports: number;
  partitions: number;
  produce: { records_per_s: number; ms: number; requests: number };
  read: { records_per_s: number; ms: number };
  read_from_time: { from: string; records: number; ms: number };
  group: { members: number; handled: number; ms: number };
  storage: { rows_written: number; rows_written_per_1000_records: number; size_bytes: number };
  proofs: { claim: string; holds: boolean }[];
  holds: boolean;
}

const PARTITIONS = 10;
const TOPIC = `demo-flights-${Date.now().toString(36)}${process.pid}`;
const GROUP_MEMBERS = 3;
const FLIGHTS_PATH = join(import.meta.dirname, '../node_modules/vega-datasets/data/flights-20k.json');

const isJson = process.argv.includes('--json');
const stop = new AbortController();

async function main(): Promise<void> {
  stopOnSignals(stop);
  try {
    const report = await withBroker('posthorn-demo-', stop, say, demonstrate);
    if (isJson) console.log(JSON.stringify(report, null, 2));
    process.exitCode = report.holds ? 0 : 1;
  } catch (error) {
    clearProgress();
    process.exitCode = stop.signal.aborted ? 130 : 1;
    const reason = error instanceof PosthornError ? `${error.code}: ${error.message}` : error;
    console.error(stop.signal.aborted ? 'stopped' : reason);
  }
}

async function demonstrate(broker: BrokerAddress): Promise<Report> {
  let requests = 0;
  const posthorn = new Posthorn({
    ...broker,
    fetch: (address, init) => {
      if (init.method === 'POST') requests++;
      return fetch(address, init);
    },
  });
  const flights = JSON.parse(await readFile(FLIGHTS_PATH, 'utf8')) as Flight[];
  const airports = new Set(flights.map(({ origin }) => origin)).size;
  // The flights are of 2001: with the default retention of 7 days they would be removed at once.
  await posthorn.topics.declare(
    TOPIC,
    { partitions: PARTITIONS, retentionMs: null },
    { signal: stop.signal },
  );
  try {
    const before = await measureStorage(posthorn);
    say(`${count(flights.length)} flights from ${airports} airports into ${TOPIC} at ${broker.url}`);
    const { ms: produceMs } = await timed(() => produce(posthorn, flights));
    const { result: all, ms: readMs } = await timed(() => read(posthorn, 'earliest', flights.length, 'read'));
    const middleMs = timeOf(flights[Math.floor(flights.length / 2)]!);
    const expectedLater = flights.filter((flight) => timeOf(flight) >= middleMs);
    const { result: later, ms: laterMs } = await timed(() =>
      read(posthorn, { timestampMs: middleMs }, expectedLater.length, 'read from a time'),
    );
    const { result: shared, ms: sharedMs } = await timed(() => readAsGroup(posthorn, flights.length));
    const after = await measureStorage(posthorn);
    const rows = after.rows - before.rows;
    clearProgress();
    const from = new Date(middleMs).toISOString();
    const proofs = [
      ...proveAll(flights, all),
      ...proveLater(expectedLater, later, from),
      ...proveGroup(flights, shared),
    ];
    const report: Report = {
      flights: flights.length,
      airports,
      partitions: PARTITIONS,
      produce: { records_per_s: rate(flights.length, produceMs), ms: Math.round(produceMs), requests },
      read: { records_per_s: rate(all.length, readMs), ms: Math.round(readMs) },
      read_from_time: { from, records: later.length, ms: Math.round(laterMs) },
      group: { members: GROUP_MEMBERS, handled: shared.length, ms: Math.round(sharedMs) },
      storage: {
        rows_written: rows,
        rows_written_per_1000_records: Math.round((rows / flights.length) * 100_000) / 100,
        size_bytes: after.bytes,
      },
      proofs: proofs.map(({ claim, holds }) => ({ claim, holds })),
      holds: proofs.every(({ holds }) => holds),
    };
    tell(report, proofs);
    return report;
  } finally {
    // Also after Ctrl-C; that the broker is gone is then no news.
    await posthorn.topics.delete(TOPIC).catch(() => undefined);
    await posthorn.groups.delete(TOPIC).catch(() => undefined);
  }
}

async function produce(posthorn: Posthorn, flights: readonly Flight[]): Promise<void> {
  const producer = posthorn.producer({ signal: stop.signal });
  let stored = 0;
  const sends = flights.map(async (flight) => {
    await producer.send(TOPIC, { key: flight.origin, value: flight, timestamp: timeOf(flight) });
    showProgress('sent', ++stored, flights.length);
  });
  await Promise.all(sends);
  await producer.close();
}

async function read(
  posthorn: Posthorn,
  from: 'earliest' | { timestampMs: number },
  expected: number,
  what: string,
): Promise<ReceivedRecord[]> {
  const records: ReceivedRecord[] = [];
  const reader = posthorn.reader(TOPIC, { from, follow: false, signal: stop.signal });
  for await (const record of reader) {
    records.push(record);
    showProgress(what, records.length, expected);
  }
  return records;
}

/** Three members share the topic, and the first one vanishes. Returns everything that they handle, with repetitions. */
async function readAsGroup(posthorn: Posthorn, expected: number): Promise<GroupRecord[]> {
  const records: GroupRecord[] = [];
  const distinct = new Set<string>();
  const all = Promise.withResolvers<void>();
  const gone = new AbortController();
  const first = Promise.withResolvers<void>();
  const join = (signal: AbortSignal): GroupConsumer =>
    posthorn.consumer({
      group: TOPIC,
      topics: [TOPIC],
      sessionTimeoutMs: 1_000,
      fetchBytes: 64 * 1024,
      signal,
      onAssigned: () => first.resolve(),
      eachBatch: ({ records: batch, partition }) => {
        for (const record of batch) {
          records.push(record);
          distinct.add(`${partition}/${record.offset}`);
        }
        showProgress('shared by a group', distinct.size, expected);
        if (distinct.size > expected / 4) gone.abort();
        if (distinct.size === expected) all.resolve();
      },
    });
  const signals = Array.from({ length: GROUP_MEMBERS - 1 }, () => stop.signal);
  const { done } = join(AbortSignal.any([gone.signal, stop.signal]));
  await Promise.race([first.promise, done]);
  const stayed = signals.map(join);
  await Promise.race([all.promise, ...stayed.map((consumer) => consumer.done)]);
  await Promise.all(stayed.map((consumer) => consumer.stop()));
  return records;
}

/** Rows that the partitions have written so far, those that set them up included, and the bytes that they hold. */
async function measureStorage(posthorn: Posthorn): Promise<{ rows: number; bytes: number }> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const states = await Promise.all(
    partitions.map((partition) =>
      posthorn.topics.describePartition(TOPIC, partition, { signal: stop.signal }),
    ),
  );
  return {
    rows: states.reduce((sum, { meter }) => sum + meter.rowsWritten, 0),
    bytes: states.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function proveAll(flights: readonly Flight[], records: readonly ReceivedRecord[]): Proof[] {
  const hash = hashOf(records.map((record) => record.text()!));
  const sent = byAirport(flights);
  const got = byAirport(records.map((record) => record.json<Flight>()!));
  const inOrder = [...sent].filter(([airport, texts]) => isSame(texts, got.get(airport) ?? []));
  const misplaced = records.filter((record) => {
    const flight = record.json<Flight>()!;
    return record.keyText !== flight.origin || record.timestamp !== timeOf(flight);
  });
  return [
    {
      claim: 'as many flights came back as were sent',
      holds: records.length === flights.length,
      seen: count(records.length),
    },
    {
      claim: 'their content is the same',
      holds: hash === hashOf(flights.map(textOf)),
      seen: `sha256 ${hash.slice(0, 12)}`,
    },
    {
      claim: 'each airport is in the order it was sent',
      holds: inOrder.length === sent.size,
      seen: `${inOrder.length} of ${sent.size} airports`,
    },
    {
      claim: 'keys and times are those of the flights',
      holds: misplaced.length === 0,
      seen: `${misplaced.length} differ`,
    },
    {
      claim: 'offsets have no gap and none is there twice',
      holds: offsetsAreDense(records),
      seen: `${PARTITIONS} partitions`,
    },
  ];
}

/** The flights are sent in the order of their dates, so a read from a time gives those at or after it and no other. */
function proveLater(expected: readonly Flight[], records: readonly ReceivedRecord[], from: string): Proof[] {
  return [
    {
      claim: `a read from ${from} gives exactly the flights from then on`,
      holds: hashOf(expected.map(textOf)) === hashOf(records.map((record) => record.text()!)),
      seen: `${count(records.length)} of ${count(expected.length)}`,
    },
  ];
}

/** Records that the vanished member handled and did not commit are handled again: at least once. */
function proveGroup(flights: readonly Flight[], records: readonly GroupRecord[]): Proof[] {
  const distinct = [
    ...new Map(records.map((record) => [`${record.partition}/${record.offset}`, record])).values(),
  ];
  const sent = byAirport(flights);
  const got = byAirport(distinct.map((record) => record.json<Flight>()!));
  const inOrder = [...sent].filter(([airport, texts]) => isSame(texts, got.get(airport) ?? []));
  const repeated = records.length - distinct.length;
  return [
    {
      claim: 'a group of three handles each flight, also when a member is gone all of a sudden',
      holds: hashOf(flights.map(textOf)) === hashOf(distinct.map((record) => record.text()!)),
      seen: `${count(distinct.length)}, and ${count(repeated)} of them again`,
    },
    {
      claim: 'it handles each airport in the order it was sent',
      holds: inOrder.length === sent.size,
      seen: `${inOrder.length} of ${sent.size} airports`,
    },
  ];
}

function offsetsAreDense(records: readonly ReceivedRecord[]): boolean {
  const next = new Array<number>(PARTITIONS).fill(0);
  return records.every(({ partition, offset }) => offset === next[partition]!++);
}

function byAirport(flights: readonly Flight[]): Map<string, string[]> {
  const groups = Map.groupBy(flights, ({ origin }) => origin);
  return new Map([...groups].map(([origin, group]) => [origin, group.map(textOf)]));
}

/** Of a multiset: partitions come back in any order, so lines are sorted. */
function hashOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex');
}

const textOf = (flight: Flight): string => JSON.stringify(flight);
const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, i) => text === b[i]);

/** `2001/01/01 00:47` in ms since 1970. */
function timeOf({ date }: Flight): number {
  return Date.parse(`${date.replaceAll('/', '-').replace(' ', 'T')}:00Z`);
}

async function timed<Result>(run: () => Promise<Result>): Promise<{ result: Result; ms: number }> {
  const startMs = performance.now();
  const result = await run();
  return { result, ms: performance.now() - startMs };
}

const rate = (records: number, ms: number): number => Math.round((records / ms) * 1000);
const count = (value: number): string => value.toLocaleString('en-US');

function tell(report: Report, proofs: readonly Proof[]): void {
  const { produce: sent, read: got, read_from_time: later, group, storage } = report;
  say('');
  for (const { claim, holds, seen } of proofs) say(`  ${holds ? '✓' : '✗'} ${claim} (${seen})`);
  say('');
  say(
    `  sent   ${count(sent.records_per_s).padStart(9)} records/s   ${sent.ms} ms, ${sent.requests} requests`,
  );
  say(`  read   ${count(got.records_per_s).padStart(9)} records/s   ${got.ms} ms`);
  say(`  seek   ${count(later.records).padStart(9)} records     ${later.ms} ms`);
  say(`  group  ${count(group.handled).padStart(9)} records     ${group.ms} ms, ${group.members} members`);
  say(
    `  rows   ${count(storage.rows_written).padStart(9)} written     ${storage.rows_written_per_1000_records} per 1,000 records, ${count(storage.size_bytes)} bytes`,
  );
  say('');
  say(report.holds ? '  All of it holds.' : '  Not all of it holds.');
}

function say(line: string): void {
  if (!isJson) console.log(line);
}

const BAR_WIDTH = 40;
let shownShare = -1;

/** Draws on a terminal only, and only when the bar changes. */
function showProgress(what: string, done: number, all: number): void {
  if (isJson || !process.stdout.isTTY) return;
  const share = Math.floor((done / all) * 100);
  if (share === shownShare) return;
  shownShare = share;
  const filled = Math.round((share / 100) * BAR_WIDTH);
  const bar = '█'.repeat(filled).padEnd(BAR_WIDTH, '░');
  process.stdout.write(`\r\x1b[K  ${bar} ${String(share).padStart(3)} %  ${what}`);
}

function clearProgress(): void {
  if (!isJson && process.stdout.isTTY) process.stdout.write('\r\x1b[K');
}

await main();
