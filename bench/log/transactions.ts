/**
 * Benchmark of produce levels: what each costs relative to a plain produce in the same run, for an idempotent producer
 * and for transactions of a few batches. Several producers write to one partition at once; each has one request under
 * way, as the SDK does.
 */

import { RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import type { ProducerReply } from '../../protocol/schemas/producers.ts';
import { encodeBatch, setProducer } from '../../protocol/record-batch/index.ts';
import type { PartitionState } from '../../protocol/schemas/topics.ts';
import type { TransactionState } from '../../protocol/schemas/transactions.ts';
import { median, type Client } from '../runtime/client.ts';
import { benchQueueSequences, type QueueSequencesResult } from '../queue/queue-sequences.ts';
import { withRuntime } from '../runtime/runtime.ts';

const BATCH_RECORDS = 1_000;
const RECORD_BYTES = 100;
const PRODUCERS = 8;
const TRANSACTION_BATCHES = 10;

const TOPIC = '/v1/default/topics/bench';
const AS_BATCHES = { 'content-type': RECORD_BATCH_TYPE };
const AS_JSON = { 'content-type': 'application/json' };

const LEVELS = ['plain', 'idempotent', 'transaction'] as const;
type Level = (typeof LEVELS)[number];

export interface LevelRound {
  level: Level;
  /** Records per second. */
  rate: number;
  rowsPerBatch: number;
}

export interface TransactionResult {
  rounds: LevelRound[];
  /** Over plain of the same round, median of the rounds. */
  ratio: { idempotent: number; transaction: number };
  /** One small record to each of three partitions, one after another; medians in ms. */
  threePartitions: { plainMs: number; transactionMs: number };
  queue: QueueSequencesResult;
}

export async function benchTransactions(
  records: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<TransactionResult> {
  const all: LevelRound[] = [];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? LEVELS : LEVELS.toReversed();
    for (const level of order) {
      progress(`transactions, round ${round + 1} of ${rounds}: ${level}`);
      all.push(await withRuntime('posthorn', (client) => levelRound(client, level, records)));
    }
  }
  const rates = (level: Level): number[] => all.filter((r) => r.level === level).map((r) => r.rate);
  const ratio = (level: Level): number =>
    median(rates(level).map((rate, round) => rate / rates('plain')[round]!));
  progress('transactions over three partitions');
  return {
    rounds: all,
    ratio: { idempotent: ratio('idempotent'), transaction: ratio('transaction') },
    threePartitions: await withRuntime('posthorn', (client) => latencies(client, 100)),
    queue: await benchQueueSequences(records / 4, rounds),
  };
}

async function levelRound(client: Client, level: Level, records: number): Promise<LevelRound> {
  await client.send('PUT', TOPIC, '{}', AS_JSON);
  const producers: BenchProducer[] = [];
  for (let i = 0; i < PRODUCERS; i++) producers.push(await BenchProducer.make(client, level, i));
  for (const producer of producers) await producer.send([0]); // what is made once is made
  const before = await rows(client, level);
  const batches = records / BATCH_RECORDS / PRODUCERS;
  const startMs = performance.now();
  await Promise.all(
    producers.map(async (producer) => {
      for (let sent = 1; sent <= batches; sent++) {
        await producer.send([0]);
        if (sent % TRANSACTION_BATCHES === 0) await producer.commit();
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  const written = (await rows(client, level)) - before;
  return { level, rate: records / seconds, rowsPerBatch: written / (batches * PRODUCERS) };
}

async function latencies(client: Client, times: number): Promise<TransactionResult['threePartitions']> {
  await client.send('PUT', TOPIC, JSON.stringify({ partitions: 3 }), AS_JSON);
  const median3 = async (level: Level): Promise<number> => {
    const producer = await BenchProducer.make(client, level, 0, 1);
    const ms: number[] = [];
    for (let i = 0; i < times; i++) {
      const startMs = performance.now();
      for (const partition of [0, 1, 2]) await producer.send([partition]);
      await producer.commit();
      ms.push(performance.now() - startMs);
    }
    return median(ms);
  };
  return { plainMs: await median3('plain'), transactionMs: await median3('transaction') };
}

class BenchProducer {
  readonly #client: Client;
  readonly #level: Level;
  readonly #name: string;
  readonly #batch: Uint8Array;
  readonly #count: number;
  #identity: ProducerReply = { id: -1, epoch: -1 };
  readonly #sequences = new Map<number, number>();

  private constructor(client: Client, level: Level, name: string, batch: Uint8Array, count: number) {
    this.#client = client;
    this.#level = level;
    this.#name = name;
    this.#batch = batch;
    this.#count = count;
  }

  static async make(
    client: Client,
    level: Level,
    number: number,
    count = BATCH_RECORDS,
  ): Promise<BenchProducer> {
    const batch = batchOf(count, level === 'transaction');
    const producer = new BenchProducer(client, level, nameOf(number), batch, count);
    if (level === 'plain') return producer;
    const body = level === 'transaction' ? { transactional_id: producer.#name } : {};
    producer.#identity = await call<ProducerReply>(client, 'POST', '/v1/default/producers', body);
    return producer;
  }

  async send(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      const sequence = this.#sequences.get(partition) ?? 0;
      if (this.#level !== 'plain') setProducer(this.#batch, 0, { ...this.#identity, sequence });
      this.#sequences.set(partition, sequence + this.#count);
      const query = this.#level === 'transaction' ? `&transactional_id=${this.#name}` : '';
      const path = `${TOPIC}/records?partitions=${partition}${query}`;
      const { status, body } = await this.#client.send('POST', path, this.#batch, AS_BATCHES);
      if (status !== 200) throw new Error(body.toString());
    }
  }

  async commit(): Promise<void> {
    if (this.#level !== 'transaction') return;
    const path = `/v1/default/transactions/${this.#name}/commit`;
    const body = { producer: this.#identity };
    const reply = await call<{ producer: ProducerReply }>(this.#client, 'POST', path, body);
    this.#identity = reply.producer;
    this.#sequences.clear();
  }
}

async function rows(client: Client, level: Level): Promise<number> {
  let written = (await call<PartitionState>(client, 'GET', `${TOPIC}/partitions/0`)).meter.rows_written;
  if (level !== 'transaction') return written;
  for (let i = 0; i < PRODUCERS; i++) {
    const path = `/v1/default/transactions/${nameOf(i)}`;
    written += (await call<TransactionState>(client, 'GET', path)).meter.rows_written;
  }
  return written;
}

async function call<Reply>(client: Client, method: string, path: string, body?: object): Promise<Reply> {
  const reply = await client.send(method, path, body && JSON.stringify(body), AS_JSON);
  if (reply.status !== 200) throw new Error(reply.body.toString());
  return JSON.parse(reply.body.toString()) as Reply;
}

const nameOf = (number: number): string => `bench-${number}`;

/** `setProducer` makes it a producer's; the transactional bit is there from the start. */
function batchOf(count: number, isTransactional: boolean): Uint8Array {
  const timestamp = Date.now();
  return encodeBatch(
    Array.from({ length: count }, (_, i) => ({
      key: null,
      value: new TextEncoder().encode(`${i} `.padEnd(RECORD_BYTES, 'abcdefghij')),
      timestamp,
    })),
    { isTransactional },
  );
}

export function printTransactions({ rounds, ratio, threePartitions, queue }: TransactionResult): void {
  console.log(
    `\nDelivery levels: ${PRODUCERS} producers, batches of ${BATCH_RECORDS}, transactions of ${TRANSACTION_BATCHES} batches`,
  );
  console.table(
    rounds.map(({ level, rate, rowsPerBatch }) => ({
      level,
      rate: Math.round(rate),
      rowsPerBatch: rowsPerBatch.toFixed(3),
    })),
  );
  console.log('ratio to plain:', ratio);
  console.log('one record to each of three partitions, in ms:', threePartitions);
  console.log('idempotent publishes to a queue, to plain ones:', queue);
}
