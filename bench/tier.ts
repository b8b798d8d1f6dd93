/** Benchmark of the tier: a partition whose records are in the bucket, read beside one that keeps them in its object. */

import { RECORD_BATCH_TYPE } from '../protocol/headers/media-types.ts';
import type { PartitionState } from '../protocol/schemas/topics.ts';
import { median, timed, type Client } from './runtime/client.ts';
import { BATCH_RECORDS, batchOfRecords } from './log/log.ts';
import { withRuntime } from './runtime/runtime.ts';

const CONNECTIONS = 8;
const FETCH_BYTES = 1 << 20;
const LOOKS = 20;
const AS_BATCHES = { 'content-type': RECORD_BATCH_TYPE, accept: RECORD_BATCH_TYPE };
const KINDS = ['hot', 'cold'] as const;

type Kind = (typeof KINDS)[number];

interface TierRound {
  kind: Kind;
  /** Records a second that one reader gets. */
  consume: number;
  /** From a request in the middle of the log to its answer, ms, median of offsets that nobody has read. */
  firstMs: number;
}

export interface TierResult {
  records: number;
  bytes: number;
  coldBytes: number;
  /** From the last produce until all but the hot part was in the bucket. */
  sealedS: number;
  rounds: TierRound[];
  /** Cold over hot, median of the rounds. */
  ratio: number;
}

/** Both topics are in one runtime, so that a busy machine is busy for both. Each round reads them in turn, in the other order than the last. */
export async function benchTier(
  records: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<TierResult> {
  const batch = batchOfRecords();
  return await withRuntime('posthorn', async (client) => {
    for (const kind of KINDS) {
      progress(`tier: producing the ${kind} topic`);
      const declaration = { hot_bytes: kind === 'hot' ? null : 8_388_608, retention_ms: null };
      await client.send('PUT', topicOf(kind), JSON.stringify(declaration), {
        'content-type': 'application/json',
      });
      await timed(records / BATCH_RECORDS, CONNECTIONS, () =>
        client.send('POST', `${topicOf(kind)}/records?partitions=0`, batch, AS_BATCHES),
      );
    }
    progress('tier: sealing');
    const startMs = performance.now();
    let state = await stateOf(client);
    while (state.size_bytes - state.cold_bytes > 12_000_000) state = await stateOf(client);
    const sealedS = (performance.now() - startMs) / 1_000;
    const all: TierRound[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
        progress(`tier: round ${round + 1} of ${rounds}, ${kind}`);
        all.push({
          kind,
          consume: await consume(client, kind, records),
          firstMs: await first(client, kind, records),
        });
      }
    }
    const of = (kind: Kind): number[] => all.filter((each) => each.kind === kind).map((each) => each.consume);
    const hot = of('hot');
    return {
      records,
      bytes: state.size_bytes,
      coldBytes: state.cold_bytes,
      sealedS,
      rounds: all,
      ratio: median(of('cold').map((rate, round) => rate / hot[round]!)),
    };
  });
}

export function printTier({ records, bytes, coldBytes, sealedS, rounds, ratio }: TierResult): void {
  console.log(
    `\nTier: ${records.toLocaleString('en')} records, ${mb(bytes)} MB, of them ${mb(coldBytes)} MB in the bucket`,
  );
  console.log(`  sealed ${sealedS.toFixed(1)} s after the last produce`);
  for (const { kind, consume: rate, firstMs } of rounds)
    console.log(
      `  ${kind}: ${Math.round(rate).toLocaleString('en')} records/s, first bytes ${firstMs.toFixed(1)} ms`,
    );
  console.log(`  cold over hot: ${ratio.toFixed(2)}`);
}

const topicOf = (kind: Kind): string => `/v1/default/topics/${kind}`;
const mb = (bytes: number): string => Math.round(bytes / 1e6).toLocaleString('en');

async function stateOf(client: Client): Promise<PartitionState> {
  const { body } = await client.send('GET', `${topicOf('cold')}/partitions/0`);
  return JSON.parse(body.toString()) as PartitionState;
}

async function consume(client: Client, kind: Kind, records: number): Promise<number> {
  const seconds = await timed(1, 1, async () => {
    for (let offset = 0; offset < records;) {
      const path = `${topicOf(kind)}/partitions/0/records?offset=${offset}&max_bytes=${FETCH_BYTES}`;
      const { headers } = await client.send('GET', path, undefined, AS_BATCHES);
      offset = Number(headers['posthorn-next-offset']);
    }
  });
  return records / seconds;
}

/** At offsets far from each other: the reader before has left its last ones in memory only. */
async function first(client: Client, kind: Kind, records: number): Promise<number> {
  const times: number[] = [];
  for (let look = 0; look < LOOKS; look++) {
    const offset = Math.floor((records * 0.8 * look) / LOOKS);
    const startMs = performance.now();
    const path = `${topicOf(kind)}/partitions/0/records?offset=${offset}&max_bytes=1`;
    await client.send('GET', path, undefined, AS_BATCHES);
    times.push(performance.now() - startMs);
  }
  return median(times);
}
