/**
 * Benchmark of many connections: calls a second on 128 connections, a request each. Single publishes stand beside a request that does
 * nothing, and batches of 100 as JSON beside record batches. A bare worker shows what a call to an object costs at least. The ways take turns within one run, in a new order each round.
 */

import { RECORD_BATCH_TYPE } from '../protocol/headers/media-types.ts';
import { encodeBatch } from '../protocol/record-batch/index.ts';
import { median, timed, type Client } from './runtime/client.ts';
import { withRuntime } from './runtime/runtime.ts';

const CONNECTIONS = 128;
const BATCH_CONNECTIONS = 8;
const BATCH_MESSAGES = 100;
const BODY = 'x'.repeat(100);
const AS_JSON = { 'content-type': 'application/json' };
const AS_BATCHES = { 'content-type': RECORD_BATCH_TYPE };

export interface ConnectionsResult {
  /** Calls a second, by way, in the order of the rounds. */
  rates: Record<string, number[]>;
  /** Medians of the ratios within a round. */
  ratios: {
    singleJsonOverHealth: number;
    singleBatchOverHealth: number;
    produceOverHealth: number;
    jsonOverBatches: number;
    /** Of a bare worker: what a request keeps of its rate that calls an object which does nothing. */
    bareCallOverNothing: number;
  };
}

type Way = (client: Client) => Promise<unknown>;

function batchOf(count: number): Uint8Array {
  const value = new TextEncoder().encode(BODY);
  const timestamp = Date.now();
  return encodeBatch(Array.from({ length: count }, () => ({ key: null, value, timestamp, headers: [] })));
}

export async function benchConnections(
  calls: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<ConnectionsResult> {
  const messagesOf = (count: number): string =>
    JSON.stringify({ messages: Array.from({ length: count }, () => ({ body: BODY })) });
  const publish = (body: string | Uint8Array, type: Record<string, string>): Way => {
    return (client) => client.send('POST', '/v1/default/queues/bench/messages', body, type);
  };
  const ways: Record<string, { way: Way; atOnce: number; calls: number }> = {
    health: { way: (client) => client.send('GET', '/healthz'), atOnce: CONNECTIONS, calls },
    'one message, JSON': { way: publish(messagesOf(1), AS_JSON), atOnce: CONNECTIONS, calls },
    'one message, record batch': { way: publish(batchOf(1), AS_BATCHES), atOnce: CONNECTIONS, calls },
    'one record, JSON': {
      way: (client) =>
        client.send(
          'POST',
          '/v1/default/topics/bench/records',
          JSON.stringify({ records: [{ value: BODY }] }),
          AS_JSON,
        ),
      atOnce: CONNECTIONS,
      calls,
    },
    '100 messages, JSON': {
      way: publish(messagesOf(BATCH_MESSAGES), AS_JSON),
      atOnce: BATCH_CONNECTIONS,
      calls: calls / 10,
    },
    '100 messages, record batch': {
      way: publish(batchOf(BATCH_MESSAGES), AS_BATCHES),
      atOnce: BATCH_CONNECTIONS,
      calls: calls / 10,
    },
  };
  const rates: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  await withRuntime('posthorn', async (client) => {
    await client.send('PUT', '/v1/default/queues/bench', '{}', AS_JSON);
    await client.send('PUT', '/v1/default/topics/bench', '{"partitions":1}', AS_JSON);
    for (const { way, atOnce } of Object.values(ways)) await timed(calls / 10, atOnce, () => way(client));
    for (let round = 0; round < rounds; round++) {
      progress(`connections: round ${round + 1} of ${rounds}`);
      const names = Object.keys(ways);
      for (const name of round % 2 === 0 ? names : names.reverse()) {
        const { way, atOnce, calls: count } = ways[name]!;
        rates[name]!.push(count / (await timed(count, atOnce, () => way(client))));
      }
    }
  });
  await withRuntime('bare', async (client) => {
    const paths = ['nothing', 'call'];
    for (const path of paths) await timed(calls / 10, CONNECTIONS, () => client.send('GET', `/${path}`));
    for (let round = 0; round < rounds; round++) {
      progress(`a bare worker: round ${round + 1} of ${rounds}`);
      for (const path of round % 2 === 0 ? paths : paths.toReversed()) {
        const seconds = await timed(calls, CONNECTIONS, () => client.send('GET', `/${path}`));
        (rates[`bare: ${path}`] ??= []).push(calls / seconds);
      }
    }
  });
  const ratio = (of: string, over: string): number =>
    Number(median(rates[of]!.map((rate, round) => rate / rates[over]![round]!)).toFixed(2));
  return {
    rates,
    ratios: {
      singleJsonOverHealth: ratio('one message, JSON', 'health'),
      singleBatchOverHealth: ratio('one message, record batch', 'health'),
      produceOverHealth: ratio('one record, JSON', 'health'),
      jsonOverBatches: ratio('100 messages, JSON', '100 messages, record batch'),
      bareCallOverNothing: ratio('bare: call', 'bare: nothing'),
    },
  };
}

export function printConnections({ rates, ratios }: ConnectionsResult): void {
  console.log(`\nCalls a second, ${CONNECTIONS} connections, with batches of 100 ${BATCH_CONNECTIONS}`);
  console.table(Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, all.map(Math.round)])));
  console.log('ratios within a round, medians', ratios);
}
