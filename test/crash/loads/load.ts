/** Producers that write as fast as they are answered, and a reader of everything. */

import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { encodeBatch, recordsIn } from '../../../protocol/record-batch/index.ts';
import type { FetchReply, ProduceBatchesReply, ProduceReply } from '../../../protocol/schemas/records.ts';
import { pause, post, postJson, RETRY_MS } from '../http.ts';
import type { FoundRecord, Ledger } from '../ledgers/ledger.ts';
import type { Random } from '../random.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const JSON_RECORDS_MAX = 100;
const RAW_RECORDS_MAX = 1_000;

export interface Load {
  /** Ends the producers after the requests that are under way. */
  stop(): Promise<void>;
}

/** Every connection writes records of its own, never one twice: an unanswered request is not repeated. */
export function startLoad(
  topicUrl: string,
  options: { partitions: number; connections: number; name: string; random: Random; ledger: Ledger },
): Load {
  let isOver = false;
  const connection = async (name: string, random: Random): Promise<void> => {
    for (let request = 0; !isOver; request++) {
      const isJson = random() < 0.3;
      // Small and large alike: most batches are of a few records, some of a thousand.
      const count = Math.ceil((isJson ? JSON_RECORDS_MAX : RAW_RECORDS_MAX) ** random());
      const partition = Math.floor(random() * options.partitions);
      const ids = Array.from({ length: count }, (_, index) => `${name}-${request}-${index}`);
      for (const id of ids) options.ledger.sent(id, valueOf(id), partition);
      const first = await (isJson ? produceJson : produceRaw)(topicUrl, partition, ids);
      if (first === null) await pause(RETRY_MS);
      else ids.forEach((id, index) => options.ledger.acknowledged(id, { partition, offset: first + index }));
    }
  };
  const connections = Array.from({ length: options.connections }, (_, index) =>
    connection(`${options.name}-${index}`, options.random.fork()),
  );
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(connections);
    },
  };
}

/** Follows from the id, of various lengths. */
function valueOf(id: string): string {
  return `${id}:`.padEnd(20 + ((id.length * id.charCodeAt(id.length - 1)) % 80), id);
}

/** The first offset, or null if there was no good answer. Offsets of one request must follow on one another. */
async function produceJson(topicUrl: string, partition: number, ids: string[]): Promise<number | null> {
  const records = ids.map((id) => ({ key: id, value: valueOf(id), partition }));
  const reply = await postJson<ProduceReply>(`${topicUrl}/records`, { records });
  if (!reply) return null;
  const first = reply.offsets[0]!.offset;
  const isDense = reply.offsets.every(
    (each, index) => each.offset === first + index && each.partition === partition,
  );
  if (!isDense || reply.offsets.length !== ids.length)
    throw new Error(`odd offsets: ${JSON.stringify(reply)}`);
  return first;
}

async function produceRaw(topicUrl: string, partition: number, ids: string[]): Promise<number | null> {
  const timestamp = Date.now();
  const batch = encodeBatch(
    ids.map((id) => ({
      key: encoder.encode(id),
      value: encoder.encode(JSON.stringify(valueOf(id))),
      timestamp,
    })),
  );
  const url = `${topicUrl}/records?partitions=${partition}`;
  const reply = await post<ProduceBatchesReply>(url, RECORD_BATCH_TYPE, batch);
  return reply ? reply.batches[0]!.base_offset : null;
}

/** Everything that a partition holds, as batches. */
export async function readPartition(topicUrl: string, partition: number): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  for (let next = 0; ;) {
    const response = await fetch(`${topicUrl}/partitions/${partition}/records?offset=${next}`, {
      headers: { accept: RECORD_BATCH_TYPE },
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === 0) return found;
    for (const { offset, key, value } of recordsIn(bytes)) {
      const text = JSON.parse(decoder.decode(value!)) as string;
      found.push({ partition, offset, id: decoder.decode(key!), value: text });
      next = offset + 1;
    }
  }
}

/** The same through JSON, for the last few. */
export async function readTail(topicUrl: string, partition: number, count: number): Promise<FetchReply> {
  const state = (await (await fetch(`${topicUrl}/partitions/${partition}`)).json()) as {
    high_watermark: number;
  };
  const offset = Math.max(0, state.high_watermark - count);
  const response = await fetch(`${topicUrl}/partitions/${partition}/records?offset=${offset}`);
  return (await response.json()) as FetchReply;
}
