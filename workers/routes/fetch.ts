/** Fetch: records from an offset on, as JSON or as the batches they are stored in, and waiting for the first. */

import type { Hono } from 'hono';
import type { ReadIsolation } from '../../core/log/aborted.ts';
import { decodeFetchFrame, type FetchFrame } from '../../core/log/fetch-frame.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { ReadRequest, Stale } from '../../durable-objects/partition/partition-calls.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import {
  HIGH_WATERMARK_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  RECORD_BATCH_TYPE,
  START_OFFSET_HEADER,
} from '../../protocol/media-types.ts';
import { operations } from '../../protocol/operations/index.ts';
import { fetchQuerySchema, type FetchOffset, type FetchQuery } from '../../protocol/records.ts';
import { isolationOf } from '../consume-level.ts';
import { emptyFrameOf, frameOfResponse } from '../fetch-frame-of.ts';
import { jsonFetchReply } from '../fetch-json.ts';
import { callPartition } from '../partition-call.ts';
import { jsonReply } from '../json-reply.ts';
import { problem } from '../problem.ts';
import { readQuery } from '../request.ts';
import { JSON_FORM, replyWithSigns, type WaitingClient } from '../signs-of-life.ts';
import { waitForFrame } from '../wait-for-frame.ts';
import { bind, readPartition, readTopic, type AppContext, type AppEnv } from './context.ts';

export function fetchRoutes(app: Hono<AppEnv>): void {
  bind(app, operations.fetch, async (c) => {
    const query = readQuery(c, fetchQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const isolation = isolationOf(query.fields);
    if (isFailure(isolation)) return problem(c, isolation);
    const topic = await readTopic(c);
    if (isFailure(topic)) return problem(c, topic);
    let offsets: FetchFrame | null = null;
    const noteWait = (frame: FetchFrame): FetchFrame => (offsets = frame);
    const answer = async (client: WaitingClient): Promise<Response> => {
      const checked = { ...query.fields, isolation };
      const read = await readAndWait(c, topic, readPartition(c), checked, client, noteWait);
      if (isFailure(read)) return problem(c, read);
      if (wantsBatches(c)) return batchesReply(read);
      const { max_records: recordsMax } = query.fields;
      const reply = await jsonFetchReply(await frameOf(read), recordsMax, isolation);
      return isFailure(reply) ? problem(c, reply) : jsonReply(c, reply);
    };
    // The offsets of a reply of batches are headers, which have to wait for them. It hands over nothing that would be lost.
    const form = wantsBatches(c) ? { contentType: RECORD_BATCH_TYPE, sign: null } : JSON_FORM;
    const nothing = async (): Promise<Response> => c.json(await jsonFetchReply(offsets!, 0, isolation));
    return await replyWithSigns(c, form, answer, nothing);
  });
}

type CheckedQuery = FetchQuery & { isolation: ReadIsolation };

/** What the partition answered: a response that streams, or the message that ended a wait. */
type Read = Response | FetchFrame;

/**
 * Reads, and where there is nothing yet holds a socket to the partition until there is or the time is over. The partition
 * can sleep meanwhile. A wait that the partition gives up (records were deleted) ends with a second look.
 */
async function readAndWait(
  c: AppContext,
  topic: TopicDefinition,
  partition: number,
  query: CheckedQuery,
  client: WaitingClient,
  noteWait: (offsets: FetchFrame) => void,
): Promise<Read | Failure> {
  const first = await readPartitionLog(c, topic, partition, query, query.wait_ms > 0);
  if (isFailure(first) || !first.webSocket) return first;
  const offsets = emptyFrameOf(first.headers);
  noteWait(offsets);
  client.waitBegins();
  const frame = await waitForFrame(first.webSocket, query.wait_ms, client.signal).frame;
  if (frame instanceof Uint8Array) return decodeFetchFrame(frame);
  return await readPartitionLog(c, topic, partition, { ...query, offset: offsets.startOffset }, false);
}

async function readPartitionLog(
  c: AppContext,
  topic: TopicDefinition,
  partition: number,
  query: CheckedQuery,
  isWaiting: boolean,
): Promise<Response | Failure> {
  const headers: HeadersInit = isWaiting ? { upgrade: 'websocket' } : {};
  return await callPartition<Response | Failure>(c.env, topic, partition, async (stub, version) => {
    const request: ReadRequest = {
      version,
      offset: readOffset(query.offset),
      bytesMax: query.max_bytes,
      recordsMax: wantsBatches(c) ? Number.MAX_SAFE_INTEGER : query.max_records,
      isolation: query.isolation,
    };
    const url = `https://partition/?${encodeURIComponent(JSON.stringify(request))}`;
    const response = await stub.fetch(url, { headers });
    return response.status === 422 ? await response.json<Failure | Stale>() : response;
  });
}

function batchesReply(read: Read): Response {
  if (read instanceof Response) {
    const headers = new Headers(read.headers);
    headers.set('content-type', RECORD_BATCH_TYPE);
    return new Response(read.body, { headers });
  }
  return new Response(read.batches as Uint8Array<ArrayBuffer>, {
    headers: {
      'content-type': RECORD_BATCH_TYPE,
      [START_OFFSET_HEADER]: String(read.startOffset),
      [NEXT_OFFSET_HEADER]: String(read.nextOffset),
      [HIGH_WATERMARK_HEADER]: String(read.highWatermark),
      [LOG_START_OFFSET_HEADER]: String(read.logStartOffset),
      [LAST_STABLE_OFFSET_HEADER]: String(read.lastStableOffset),
    },
  });
}

async function frameOf(read: Read): Promise<FetchFrame> {
  return read instanceof Response ? await frameOfResponse(read) : read;
}

function wantsBatches(c: AppContext): boolean {
  return (c.req.header('accept') ?? '').includes(RECORD_BATCH_TYPE);
}

function readOffset(offset: FetchOffset): ReadRequest['offset'] {
  if (typeof offset === 'number' || offset === 'earliest' || offset === 'latest') return offset;
  return { timestampMs: Number(offset.slice(1)) };
}
