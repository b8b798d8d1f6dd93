/**
 * Producing and fetching in all their variants: records as JSON and as batches, tombstones, timestamps of the client,
 * without a promise; from a time, from either end, in small bites.
 */

import {
  decodeRecords,
  encodeBatch,
  isBatchFailure,
  splitBatches,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';
import {
  HIGH_WATERMARK_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  RECORD_BATCH_TYPE,
  START_OFFSET_HEADER,
} from '../../../protocol/headers/media-types.ts';
import type { Random } from '../../crash/random.ts';
import type { Fetched, Produced } from '../history.ts';
import type { Answer, Client } from './client.ts';
import { isCompacted, KEPT } from './kept-topics.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { insist, TOPICS } from './topology.ts';

/** Makes the records of topics that clean up large enough that a few of them fill a segment. */
const PAD = 'x'.repeat(5_000);
const BULKY = new Set(['compacted', 'swept', 'small', 'tiered']);
/** Those that need many records, or many batches, more often. */
const KINDS = [...Object.keys(KEPT), 'compacted', 'small', 'stamped', 'log'];
const KEYS = ['a', 'b', 'c', 'd', 'e'];
const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];

interface Sent {
  id: string;
  key: string | null;
  partition: number;
  timestamp: number | null;
  isTombstone: boolean;
}

const headersOf = (topic: string, { id }: Sent): Record<string, string> => ({
  id,
  ...(BULKY.has(topic) && { pad: PAD }),
});

export const produceKept: Operation = {
  name: 'produce-kept',
  weight: 5,
  run: async (client, id, random) => {
    const topic = pick(random, KINDS);
    const { partitions } = TOPICS[topic]!;
    const asBatches = random() < 0.35;
    const isUnpromised = !asBatches && random() < 0.2;
    const timestamp =
      topic === 'brief' || isCompacted(topic) ? Math.floor(client.world.scheduler.nowMs) : null;
    const onePartition = between(random, 0, partitions - 1);
    const sent = times(between(random, 1, 5), (index): Sent => ({
      id: `${id}.${index}`,
      key: isCompacted(topic) || random() < 0.5 ? pick(random, KEYS) : null,
      partition: asBatches ? onePartition : between(random, 0, partitions - 1),
      timestamp,
      isTombstone: isCompacted(topic) && random() < 0.2,
    }));
    await client.retried(random, async (attempt) => {
      const named = sent.map((record) => ({ ...record, id: `${record.id}#${attempt}` }));
      const answer = asBatches
        ? await sendBatch(client, topic, named)
        : await sendJson(client, topic, named, isUnpromised);
      note(client, topic, named, answer);
      return answer;
    });
  },
};

export async function sendJson(
  client: Client,
  topic: string,
  sent: readonly Sent[],
  isUnpromised: boolean,
): Promise<Answer> {
  const records = sent.map((record) => ({
    value: record.isTombstone ? null : record.id,
    partition: record.partition,
    headers: headersOf(topic, record),
    ...(record.key !== null && { key: record.key }),
    ...(record.timestamp !== null && { timestamp: record.timestamp }),
  }));
  const body = { records, ...(isUnpromised && { acks: 'none' }) };
  const answer = await client.request('POST', `/topics/${topic}/records`, body);
  // Taken without a promise: nobody knows when it will be there.
  return isUnpromised && answer.outcome === 'ok' ? { ...answer, outcome: 'unknown', end: Infinity } : answer;
}

export async function sendBatch(client: Client, topic: string, sent: readonly Sent[]): Promise<Answer> {
  const nowMs = Math.floor(client.world.scheduler.nowMs);
  const batch = encodeBatch(
    sent.map((record) => ({
      key: record.key === null ? null : encoder.encode(record.key),
      value: record.isTombstone ? null : encoder.encode(JSON.stringify(record.id)),
      timestamp: record.timestamp ?? nowMs,
      headers: Object.entries(headersOf(topic, record)).map(([key, value]) => ({
        key,
        value: encoder.encode(value),
      })),
    })),
  );
  const path = `/topics/${topic}/records?partitions=${sent[0]!.partition}`;
  const answer = await client.request('POST', path, batch);
  const { base_offset: base } = ((answer.body['batches'] ?? []) as { base_offset: number }[])[0] ?? {};
  const offsets = base === undefined ? [] : sent.map((_, index) => ({ offset: base + index }));
  return { ...answer, body: { ...answer.body, offsets } };
}

export function note(client: Client, topic: string, sent: readonly Sent[], answer: Answer): void {
  const offsets = (answer.body['offsets'] ?? []) as { offset: number }[];
  const { outcome, copies, begin, end } = answer;
  const records: Produced['records'] = sent.map(({ id, key, partition, timestamp, isTombstone }, index) => ({
    id,
    key,
    partition,
    offset: offsets[index]?.offset ?? null,
    ...(timestamp !== null && { timestamp }),
    ...(isTombstone && { isTombstone }),
  }));
  client.add({
    kind: 'produce',
    client: client.name,
    topic,
    outcome,
    copies,
    begin,
    end,
    producer: null,
    records,
  });
}

export const fetchKept: Operation = {
  name: 'fetch-kept',
  weight: 6,
  run: async (client, _, random) => {
    const topic = pick(random, [...Object.keys(KEPT), 'compacted', 'small', 'log']);
    const partition = between(random, 0, TOPICS[topic]!.partitions - 1);
    const place = `${topic}/${partition} kept`;
    const position = client.positions.get(place) ?? null;
    const chance = random();
    const nowMs = Math.floor(client.world.scheduler.nowMs);
    const seek: Fetched['seek'] =
      chance < 0.25 ? nowMs - between(random, -5_000, 60_000) : chance < 0.35 ? 'latest' : null;
    const asBatches = random() < 0.4;
    const fetched = await fetchFrom(client, topic, partition, {
      from: seek === null && chance < 0.85 ? position : null,
      seek,
      recordsMax: between(random, 1, 30),
      bytesMax: pick(random, [1, 8_000, 30_000, 100_000]),
      waitMs: random() < 0.3 || seek === 'latest' ? between(random, 100, 4_000) : 0,
      asBatches,
    });
    if (fetched) client.positions.set(place, fetched.next);
    else client.positions.delete(place);
  },
};

interface FetchChoice {
  from: number | null;
  seek: NonNullable<Fetched['seek']> | null;
  recordsMax: number;
  bytesMax: number;
  waitMs: number;
  asBatches: boolean;
}

export async function fetchFrom(
  client: Client,
  topic: string,
  partition: number,
  { from, seek, recordsMax, bytesMax, waitMs, asBatches }: FetchChoice,
): Promise<Fetched | null> {
  const offset = typeof seek === 'number' ? `@${seek}` : (seek ?? from ?? 'earliest');
  const query = `offset=${offset}&max_records=${recordsMax}&max_bytes=${bytesMax}&wait_ms=${waitMs}`;
  const path = `/topics/${topic}/partitions/${partition}/records?${query}`;
  const begin = client.history.now();
  const headers: Record<string, string> = asBatches ? { accept: RECORD_BATCH_TYPE } : {};
  const { response } = await client.raw('GET', path, undefined, waitMs, () => {}, headers);
  if (response?.status === 500)
    client.add({
      kind: 'odd',
      client: client.name,
      begin,
      end: client.history.now(),
      what: `GET ${path}: 500`,
    });
  if (!response?.ok) return null;
  const found = asBatches
    ? recordsOfBatches(new Uint8Array(await response.arrayBuffer()), response.headers)
    : recordsOfJson((await response.json()) as Record<string, unknown>);
  const fetched: Fetched = {
    kind: 'fetch',
    client: client.name,
    topic,
    partition,
    from,
    seek,
    ...found,
    isolation: 'read_uncommitted',
    stable: null,
    begin,
    end: client.history.now(),
    knownMs: client.world.scheduler.nowMs,
    ...(!asBatches && { recordsMax }),
    isFinal: false,
  };
  client.add(fetched);
  return fetched;
}

type Found = Pick<Fetched, 'records' | 'next' | 'high' | 'start'>;

function recordsOfJson(body: Record<string, unknown>): Found {
  interface Wire {
    offset: number;
    timestamp: number;
    value: string;
    headers?: { id?: string };
  }
  const records = (body['records'] as Wire[]).map(({ offset, timestamp, value, headers }) => ({
    offset,
    timestamp,
    id: headers?.id ?? value,
  }));
  const number = (name: string): number => body[name] as number;
  return {
    records,
    next: number('next_offset'),
    high: number('high_watermark'),
    start: number('log_start_offset'),
  };
}

/** As the SDK reads: whole batches, of which the first may begin earlier. */
function recordsOfBatches(bytes: Uint8Array, headers: Headers): Found {
  const number = (name: string): number => Number(headers.get(name));
  const batches = splitBatches(bytes);
  if (isBatchFailure(batches)) throw new Error(`a fetch gave what is no batch: ${batches.message}`);
  const decoded = batches.flatMap(({ at, header }): LogRecord[] => {
    if (header.isControl) return [];
    const records = decodeRecords(bytes, at, header);
    if (isBatchFailure(records)) throw new Error(`a fetch gave a broken batch: ${records.message}`);
    return records;
  });
  const start = number(START_OFFSET_HEADER);
  const records = decoded
    .filter(({ offset }) => offset >= start)
    .map(({ offset, timestamp, value, headers: own }) => ({ offset, timestamp, id: idOf(value, own) }));
  return {
    records,
    next: number(NEXT_OFFSET_HEADER),
    high: number(HIGH_WATERMARK_HEADER),
    start: number(LOG_START_OFFSET_HEADER),
  };
}

function idOf(value: Uint8Array | null, headers: LogRecord['headers']): string {
  const named = headers.find(({ key }) => key === 'id')?.value;
  if (named) return decoder.decode(named);
  return JSON.parse(decoder.decode(value!)) as string;
}

export const grow: Operation = {
  name: 'grow',
  weight: 0.3,
  run: async (client, _, random: Random) => {
    const partitions = between(random, 2, TOPICS['growing']!.partitions);
    await client.request('PATCH', '/topics/growing', { partitions });
  },
};

/** All partitions there will ever be, so that everything can be read. */
export async function growFully(client: Client): Promise<void> {
  const { partitions } = TOPICS['growing']!;
  await insist(client, 'PATCH', '/topics/growing', { partitions });
}

export const lookAtPartition: Operation = {
  name: 'look-at-partition',
  weight: 1,
  run: async (client) => {
    await describePartition(client, 'small', 0, false);
  },
};

export async function describePartition(
  client: Client,
  topic: string,
  partition: number,
  isFinal: boolean,
): Promise<void> {
  const path = `/topics/${topic}/partitions/${partition}`;
  const { outcome, body, begin, end } = await client.request('GET', path);
  if (outcome !== 'ok') return;
  const number = (name: string): number => body[name] as number;
  client.add({
    kind: 'partition-state',
    client: client.name,
    topic,
    partition,
    start: number('log_start_offset'),
    high: number('high_watermark'),
    bytes: number('size_bytes'),
    isFinal,
    begin,
    end,
  });
}
