/** A fetch: from a position on, the batches as they are stored. */

import {
  HIGH_WATERMARK_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  RECORD_BATCH_TYPE,
  START_OFFSET_HEADER,
  TOPIC_ID_HEADER,
} from '../../protocol/headers/media-types.ts';
import {
  decodeRecordsAsync,
  decodeRecords,
  isBatchFailure,
  isDamaged,
  readBatchHeader,
  surveyBatches,
  type BatchFailure,
  type BatchHeader,
  type DamagedBytes,
  type InflateOptions,
  type LogRecord,
} from '../../protocol/record-batch/index.ts';
import type { Codecs } from '../client/codecs.ts';
import type { HttpReply, Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { partitionPath } from '../client/names.ts';
import type { WireOffset } from '../values/start-position.ts';
import { ReceivedRecord } from './received-record.ts';

export interface FetchSpec {
  topic: string;
  partition: number;
  offset: WireOffset;
  /** The topic that the offset belongs to; null: whatever topic has the name. */
  topicId: number | null;
  fetchBytes: number;
  isolation: 'read_uncommitted' | 'read_committed';
  /** 0: answer at once. */
  waitMs: number;
  signal: AbortSignal;
}

/** What a fetch brought. It stays encoded until it is consumed: records take several times the memory. */
export interface Fetched {
  partition: number;
  topicId: number;
  /** Records `[startOffset, endOffset)` are wanted; the first batch may begin before, the last end after. */
  startOffset: number;
  endOffset: number;
  nextOffset: number;
  /** The end of what could be read: the high watermark, or of committed records the last stable offset. */
  readableEnd: number;
  batches: Uint8Array;
}

/** One attempt. */
export async function fetchBatches(transport: Transport, spec: FetchSpec): Promise<Fetched> {
  const { topic, partition, offset, topicId, fetchBytes, isolation, waitMs, signal } = spec;
  const isCommitted = isolation === 'read_committed';
  const { headers, bytes } = await transport.call({
    method: 'GET',
    path: `${partitionPath(topic, partition)}/records`,
    query: {
      offset,
      topic_id: topicId ?? undefined,
      max_bytes: fetchBytes,
      wait_ms: waitMs === 0 ? undefined : waitMs,
      isolation: isCommitted ? isolation : undefined,
    },
    headers: { accept: RECORD_BATCH_TYPE },
    signal,
    timeoutMs: transport.config.timeoutMs + waitMs,
  });
  return {
    partition,
    topicId: offsetIn(headers, TOPIC_ID_HEADER),
    startOffset: offsetIn(headers, START_OFFSET_HEADER),
    endOffset: Infinity,
    nextOffset: offsetIn(headers, NEXT_OFFSET_HEADER),
    readableEnd: offsetIn(headers, isCommitted ? LAST_STABLE_OFFSET_HEADER : HIGH_WATERMARK_HEADER),
    batches: bytes,
  };
}

function offsetIn(headers: HttpReply['headers'], name: string): number {
  const text = headers.get(name);
  const offset = Number(text ?? NaN);
  if (Number.isSafeInteger(offset)) return offset;
  throw new PosthornError('unexpected_reply', `header ${name} of the reply is ${text ?? 'missing'}`);
}

/** The records of a fetch, in order; control batches are the broker's own and left out. */
export function recordsOf(
  fetched: Fetched,
  codecs: Codecs,
  onDamaged?: (error: PosthornError) => void,
): Promise<ReceivedRecord[]> {
  return recordsOfFetch(
    fetched,
    (record) => new ReceivedRecord(fetched.partition, record, fetched.topicId),
    codecs,
    onDamaged,
  );
}

/**
 * As `recordsOf`, of another kind.
 * @param onDamaged told of each range of records whose CRC does not match, which are left out; without it the first is thrown
 */
export async function recordsOfFetch<Item>(
  fetched: Fetched,
  make: (record: LogRecord) => Item,
  codecs: Codecs,
  onDamaged?: (error: PosthornError) => void,
): Promise<Item[]> {
  const { batches: bytes, startOffset, endOffset } = fetched;
  const received: Item[] = [];
  // The broker sends what is stored without looking at it: whether it is what was stored shows here.
  for (const piece of surveyBatches(bytes, startOffset, fetched.nextOffset)) {
    if (isDamaged(piece)) {
      if (piece.baseOffset >= endOffset) break;
      const error = damaged(fetched, piece);
      const header = readBatchHeader(bytes, piece.at);
      // Cut off on its way, perhaps: what is stored ends with a whole batch.
      if (!onDamaged) throw isBatchFailure(header) ? unreadable(fetched, header) : error;
      onDamaged(error);
      continue;
    }
    const { at, header } = piece;
    if (header.isControl) continue;
    const records: LogRecord[] | BatchFailure =
      header.compression === 'none'
        ? decodeRecords(bytes, at, header)
        : await decodeRecordsAsync(bytes, at, header, codecFor(header, codecs));
    if (isBatchFailure(records)) throw unreadable(fetched, records);
    for (const record of records) {
      if (record.offset >= startOffset && record.offset < endOffset) {
        received.push(make(record));
      }
    }
  }
  return received;
}

function codecFor({ compression }: BatchHeader, codecs: Codecs): InflateOptions {
  const inflate = codecs[compression as keyof Codecs];
  return inflate ? { inflate } : {};
}

function damaged({ partition }: Fetched, { baseOffset, nextOffset, problem }: DamagedBytes): PosthornError {
  return new PosthornError(
    'stored_batch_corrupt',
    `records ${baseOffset} to before ${nextOffset} of partition ${partition} are damaged: ${problem}`,
    { details: { partition, offset: baseOffset, next_offset: nextOffset } },
  );
}

function unreadable({ partition, startOffset }: Fetched, { code, message }: BatchFailure): PosthornError {
  return new PosthornError(code, `what partition ${partition} sent for offset ${startOffset}: ${message}`);
}
