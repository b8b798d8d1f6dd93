/** Benchmark of the log: produce and consume against a bare object, cost, memory, and how fast a wait ends. */

import { RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import { encodeBatch } from '../../protocol/record-batch/index.ts';
import type { FetchReply, ProduceReply } from '../../protocol/schemas/records.ts';
import type { PartitionState } from '../../protocol/schemas/topics.ts';
import { median, timed, type Client } from '../runtime/client.ts';
import { costOf, type Cost } from '../runtime/cost.ts';
import { runtimeMemoryMb, withRuntime, type Contender } from '../runtime/runtime.ts';

export const RECORD_BYTES = 100;
export const BATCH_RECORDS = 1_000;
const CONNECTIONS = 8;
const FETCH_BYTES = 1 << 20;

const TOPIC = '/v1/default/topics/bench';
const AS_BATCHES = { 'content-type': RECORD_BATCH_TYPE, accept: RECORD_BATCH_TYPE };

/** Rates in records per second. */
export interface Round {
  contender: Contender;
  produce: number;
  consume: number;
}

export interface LogResult {
  records: number;
  rounds: Round[];
  /** Posthorn over bare, median of the rounds' pairs. */
  ratio: { produce: number; consume: number };
  rowsWrittenPerBatch: number;
  cost: { produce: Cost; consume: Cost };
}

export async function benchLog(
  records: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<LogResult> {
  const batch = batchOfRecords();
  const all: Round[] = [];
  const pairs: { produce: number; consume: number }[] = [];
  let last: Awaited<ReturnType<typeof posthornRound>> | undefined;
  for (let round = 0; round < rounds; round++) {
    const order: Contender[] = round % 2 === 0 ? ['bare', 'posthorn'] : ['posthorn', 'bare'];
    const results: Partial<Record<Contender, Round>> = {};
    for (const contender of order) {
      progress(`round ${round + 1} of ${rounds}: ${contender}`);
      const run = contender === 'bare' ? bareRound : posthornRound;
      const result = await withRuntime(contender, (client) => run(client, batch, records));
      if (contender === 'posthorn') last = result as Awaited<ReturnType<typeof posthornRound>>;
      results[contender] = { contender, produce: result.produce, consume: result.consume };
      all.push(results[contender]);
    }
    pairs.push({
      produce: results.posthorn!.produce / results.bare!.produce,
      consume: results.posthorn!.consume / results.bare!.consume,
    });
  }
  const batches = records / BATCH_RECORDS;
  return {
    records,
    rounds: all,
    ratio: {
      produce: median(pairs.map((pair) => pair.produce)),
      consume: median(pairs.map((pair) => pair.consume)),
    },
    rowsWrittenPerBatch: last!.rowsWritten / batches,
    cost: {
      produce: costOf(
        { rowsWritten: last!.rowsWritten, requests: batches, seconds: records / last!.produce },
        records,
      ),
      consume: costOf(
        { rowsRead: last!.rowsRead, requests: last!.fetches, seconds: records / last!.consume },
        records,
      ),
    },
  };
}

/** Records that pass through another topic first, so that what is measured is not the runtime's own warming up. */
const WARM_UP_RECORDS = 2_000_000;

/** Memory of the runtime as one partition grows. */
export async function benchMemory(
  sizes: readonly number[],
  progress: (text: string) => void,
): Promise<object[]> {
  const batch = batchOfRecords();
  return await withRuntime('posthorn', async (client) => {
    const results: object[] = [];
    progress('memory: warming up');
    await declare(client);
    await timed(Math.min(WARM_UP_RECORDS, sizes.at(-1)!) / BATCH_RECORDS, CONNECTIONS, () =>
      produce(client, batch),
    );
    await client.send('DELETE', TOPIC);
    await declare(client);
    for (let [index, stored] = [0, 0]; index < sizes.length; index++) {
      const target = sizes[index]!;
      progress(`memory at ${target.toLocaleString('en')} records`);
      await timed((target - stored) / BATCH_RECORDS, CONNECTIONS, () => produce(client, batch));
      stored = target;
      const coldMs = await timeMs(() =>
        client.send('GET', `${TOPIC}/partitions/0/records?offset=${target >> 1}`, undefined, AS_BATCHES),
      );
      results.push({ records: target, runtimeMb: await runtimeMemoryMb(), readFromMiddleMs: coldMs });
    }
    return results;
  });
}

/** From sending a record until a waiting reader has it, beside the producer's own round trip. In ms, medians. */
export async function benchLongPoll(times: number, progress: (text: string) => void): Promise<object> {
  progress('long poll');
  return await withRuntime('posthorn', async (client) => {
    await declare(client);
    const publishMs: number[] = [];
    const deliveredMs: number[] = [];
    let offset = 0;
    for (let i = 0; i < times; i++) {
      const poll = client.send('GET', `${TOPIC}/partitions/0/records?offset=${offset}&wait_ms=30000`);
      while ((await state(client)).waiting === 0);
      const startMs = performance.now();
      const answered = poll.then(({ body }) => {
        deliveredMs.push(performance.now() - startMs);
        return (JSON.parse(body.toString()) as FetchReply).next_offset;
      });
      const reply = await client.send(
        'POST',
        `${TOPIC}/records`,
        JSON.stringify({ records: [{ value: i }] }),
      );
      publishMs.push(performance.now() - startMs);
      if ((JSON.parse(reply.body.toString()) as ProduceReply).offsets[0]!.offset !== offset)
        throw new Error('wrong offset');
      offset = await answered;
    }
    return {
      times,
      publishMs: median(publishMs),
      deliveredMs: median(deliveredMs),
      ratio: median(deliveredMs) / median(publishMs),
    };
  });
}

async function bareRound(
  client: Client,
  batch: Uint8Array,
  records: number,
): Promise<Omit<Round, 'contender'>> {
  const produceS = await timed(records / BATCH_RECORDS, CONNECTIONS, () => client.send('POST', '/', batch));
  const consumeS = await timed(1, 1, async () => {
    for (let next = 1; next <= records / BATCH_RECORDS;) {
      const { headers } = await client.send('GET', `/?from=${next}&max_bytes=${FETCH_BYTES}`);
      next = Number(headers['next']);
    }
  });
  return { produce: records / produceS, consume: records / consumeS };
}

export async function posthornRound(client: Client, batch: Uint8Array, records: number) {
  await declare(client);
  const before = (await state(client)).meter;
  const produceS = await timed(records / BATCH_RECORDS, CONNECTIONS, () => produce(client, batch));
  const produced = (await state(client)).meter;
  let fetches = 0;
  const consumeS = await timed(1, 1, async () => {
    for (let offset = 0; offset < records; fetches++) {
      const path = `${TOPIC}/partitions/0/records?offset=${offset}&max_bytes=${FETCH_BYTES}`;
      const { headers } = await client.send('GET', path, undefined, AS_BATCHES);
      offset = Number(headers['posthorn-next-offset']);
    }
  });
  const consumed = (await state(client)).meter;
  return {
    produce: records / produceS,
    consume: records / consumeS,
    rowsWritten: produced.rows_written - before.rows_written,
    rowsRead: consumed.rows_read - produced.rows_read,
    fetches,
  };
}

async function declare(client: Client): Promise<void> {
  await client.send('PUT', TOPIC, '{}', { 'content-type': 'application/json' });
}

function produce(client: Client, batch: Uint8Array): Promise<unknown> {
  return client.send('POST', `${TOPIC}/records?partitions=0`, batch, AS_BATCHES);
}

async function state(client: Client): Promise<PartitionState> {
  return JSON.parse((await client.send('GET', `${TOPIC}/partitions/0`)).body.toString()) as PartitionState;
}

async function timeMs(action: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await action();
  return performance.now() - startMs;
}

export function batchOfRecords(): Uint8Array {
  const timestamp = Date.now();
  return encodeBatch(
    Array.from({ length: BATCH_RECORDS }, (_, i) => ({
      key: null,
      value: new TextEncoder().encode(`${i} `.padEnd(RECORD_BYTES, 'abcdefghij')),
      timestamp,
    })),
  );
}
