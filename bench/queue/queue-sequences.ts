/** Benchmark of queue sequences: publishes of an idempotent producer relative to plain ones, in the same run. */

import { RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import type { ProducerReply } from '../../protocol/schemas/producers.ts';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import { encodeBatch, setProducer } from '../../protocol/record-batch/index.ts';
import { median, type Client } from '../runtime/client.ts';
import { withRuntime } from '../runtime/runtime.ts';

const QUEUE = '/v1/default/queues/bench';
const AS_BATCHES = { 'content-type': RECORD_BATCH_TYPE };
const AS_JSON = { 'content-type': 'application/json' };
const PUBLISHERS = 8;
const BATCH_MESSAGES = 100;

export interface QueueSequencesResult {
  /** Rate of idempotent publishes over that of plain ones, median of the rounds. */
  ratio: number;
  rowsPerBatch: { plain: number; idempotent: number };
}

export async function benchQueueSequences(messages: number, rounds: number): Promise<QueueSequencesResult> {
  const batches = Math.ceil(messages / BATCH_MESSAGES / PUBLISHERS);
  const ratios: number[] = [];
  const rows: Record<'plain' | 'idempotent', number[]> = { plain: [], idempotent: [] };
  for (let round = 0; round < rounds; round++) {
    const rates = new Map<boolean, number>();
    for (const isSequenced of round % 2 === 0 ? [false, true] : [true, false]) {
      const { rate, rowsPerBatch } = await withRuntime('posthorn', (client) =>
        publishAll(client, isSequenced, batches),
      );
      rates.set(isSequenced, rate);
      rows[isSequenced ? 'idempotent' : 'plain'].push(rowsPerBatch);
    }
    ratios.push(rates.get(true)! / rates.get(false)!);
  }
  return {
    ratio: median(ratios),
    rowsPerBatch: { plain: median(rows.plain), idempotent: median(rows.idempotent) },
  };
}

async function publishAll(
  client: Client,
  isSequenced: boolean,
  batches: number,
): Promise<{ rate: number; rowsPerBatch: number }> {
  await client.send('PUT', QUEUE, '{}', AS_JSON);
  const rowsOf = async (): Promise<number> => {
    const { body } = await client.send('GET', QUEUE);
    return (JSON.parse(body.toString()) as QueueWithStateReply).state.meter.rows_written;
  };
  const before = await rowsOf();
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: PUBLISHERS }, async () => {
      const bytes = batch();
      const made = isSequenced
        ? (await client.send('POST', '/v1/default/producers', '{}', AS_JSON)).body
        : null;
      const identity = made && (JSON.parse(made.toString()) as ProducerReply);
      for (let sent = 0; sent < batches; sent++) {
        if (identity) setProducer(bytes, 0, { ...identity, sequence: sent * BATCH_MESSAGES });
        await client.send('POST', `${QUEUE}/messages`, bytes, AS_BATCHES);
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  const count = batches * PUBLISHERS;
  return { rate: (count * BATCH_MESSAGES) / seconds, rowsPerBatch: ((await rowsOf()) - before) / count };
}

function batch(): Uint8Array {
  const value = new TextEncoder().encode('x'.repeat(100));
  return encodeBatch(Array.from({ length: BATCH_MESSAGES }, () => ({ key: null, value, timestamp: 0 })));
}
