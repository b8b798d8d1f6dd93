/** Fetch: records from an offset on, as JSON or as the batches they are stored in, and waiting for the first. */

import { spend } from '../access/quotas/rates.ts';
import type { Hono } from 'hono';
import type { ReadIsolation } from '../../core/log/aborted.ts';
import { decodeFetchFrame, type FetchFrame } from '../../core/log/fetch-frame.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { ReadRequest, PartitionMethods } from '../../durable-objects/rpc/partition.ts';
import type { Stale } from '../../durable-objects/rpc/stale.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import {
  HIGH_WATERMARK_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  RECORD_BATCH_TYPE,
  START_OFFSET_HEADER,
  TOPIC_ID_HEADER,
} from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { fetchQuerySchema, type FetchOffset, type FetchQuery } from '../../protocol/schemas/records.ts';
import { checkedWaitMs } from '../access/revocable.ts';
import { grantReply, JSON_REPLY_WEIGHT, releaseReply, resizeReply } from '../bounds/reply-bytes.ts';
import { isolationOf } from '../deliver/consume-level.ts';
import { emptyFrameOf, frameOfResponse } from '../fetch/fetch-frame-of.ts';
import { jsonFetchReply, type ReplyLimits } from '../fetch/fetch-json.ts';
import { callPartition } from '../calls/partition-call.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { reportDamage } from '../fetch/report-damage.ts';
import { JSON_FORM, replyWithSigns, type WaitingClient } from '../http/signs-of-life.ts';
import { topicOfId } from '../cache/topic-identity.ts';
import { waitForFrame } from '../fetch/wait-for-frame.ts';
import { bind } from './bind.ts';
import { readPartition, readTopic, type AppContext, type AppEnv } from '../http/context.ts';

export function fetchRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.fetch, async (c) => {
    const query = readQuery(c, fetchQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const isolation = isolationOf(query.fields);
    if (isFailure(isolation)) return problem(c, isolation);
    const named = await readTopic(c);
    if (isFailure(named)) return problem(c, named);
    const { topic_id: expected } = query.fields;
    const partition = readPartition(c);
    const topic = await topicOfId(c.env, named, expected, partition);
    if (isFailure(topic)) return problem(c, topic);
    const { max_records: recordsMax, on_corrupt: onCorrupt } = query.fields;
    const report = reportDamage(c, topic, partition);
    let waiting: Waiting | null = null;
    const noteWait = (begun: Waiting): Waiting => (waiting = begun);
    const json = async ({ topicId, offsets }: Waiting, most: ReplyLimits): Promise<object | Failure> => {
      const reply = await jsonFetchReply(offsets, { ...most, isolation, onCorrupt, report });
      return isFailure(reply) ? reply : { topic_id: topicId, ...reply };
    };
    const answer = async (client: WaitingClient): Promise<Response> => {
      const checked = { ...query.fields, isolation };
      const read = await readAndWait(c, topic, partition, checked, client, noteWait);
      if (isFailure(read)) return problem(c, read);
      if (wantsBatches(c)) {
        const bytes = batchesReply(read);
        spend(c, 'deliver', recordCountOf(bytes.headers));
        return bytes;
      }
      const offsets = await frameOf(read.log);
      const reply = await json({ topicId: read.topicId, offsets }, { recordsMax, bytesMax: read.bytesMax });
      if (isFailure(reply)) return problem(c, reply);
      spend(c, 'deliver', (reply as { records: unknown[] }).records.length);
      return jsonReply(c, reply);
    };
    // The offsets of a reply of batches are headers, which have to wait for them. It hands over nothing that would be lost.
    const form = wantsBatches(c) ? { contentType: RECORD_BATCH_TYPE, sign: null } : JSON_FORM;
    const nothing = async (): Promise<Response> =>
      c.json(await json(waiting!, { recordsMax: 0, bytesMax: 0 }));
    return await replyWithSigns(c, form, answer, nothing);
  });
}

type CheckedQuery = FetchQuery & { isolation: ReadIsolation };

/** What is known while there is nothing to read yet. */
interface Waiting {
  topicId: number;
  offsets: FetchFrame;
}

interface Read {
  /** The topic that answered: a fresher one than was known, if that was out of date. */
  topicId: number;
  /** What the partition answered: a response that streams, or the message that ended a wait. */
  log: Response | FetchFrame;
  /** What the reply may have, as bytes or as JSON. */
  bytesMax: number;
}

/**
 * Reads, and if there is nothing yet holds a socket to the partition until there is or the time is over. The partition
 * can sleep meanwhile. A wait that the partition gives up (records were deleted) ends with a second look, in the same log:
 * the offset means nothing in that of a topic that has been made again meanwhile. A wait holds no room for its reply.
 */
async function readAndWait(
  c: AppContext,
  topic: TopicDefinition,
  partition: number,
  query: CheckedQuery,
  client: WaitingClient,
  noteWait: (waiting: Waiting) => void,
): Promise<Read | Failure> {
  let answering = topic;
  const read = (again: CheckedQuery, isWaiting: boolean, isPinned: boolean): Promise<Response | Failure> =>
    readPartitionLog(c, answering, partition, again, isWaiting, isPinned, (current) => (answering = current));
  const grant = (): Promise<number | Failure> => grantReply(c.req.raw, query.max_bytes, weightOf(c));
  const granted = await grant();
  if (isFailure(granted)) return granted;
  const first = await read({ ...query, max_bytes: granted }, query.wait_ms > 0, query.topic_id !== undefined);
  if (isFailure(first)) return first;
  const topicId = answering.id;
  if (!first.webSocket) {
    if (wantsBatches(c)) resizeReply(c.req.raw, lengthOf(first));
    return { topicId, log: first, bytesMax: granted };
  }
  releaseReply(c.req.raw);
  const offsets = emptyFrameOf(first.headers);
  noteWait({ topicId, offsets });
  client.waitBegins();
  const frame = await waitForFrame(first.webSocket, checkedWaitMs(c, query.wait_ms), client.signal).frame;
  const bytesMax = await grant();
  if (isFailure(bytesMax)) return bytesMax;
  if (frame instanceof Uint8Array) return { topicId, log: decodeFetchFrame(frame), bytesMax };
  const second = await read({ ...query, max_bytes: bytesMax, offset: offsets.startOffset }, false, true);
  return isFailure(second) ? second : { topicId, log: second, bytesMax };
}

async function readPartitionLog(
  c: AppContext,
  topic: TopicDefinition,
  partition: number,
  query: CheckedQuery,
  isWaiting: boolean,
  isPinned: boolean,
  noteTopic: (current: TopicDefinition) => void,
): Promise<Response | Failure> {
  const headers: HeadersInit = isWaiting ? { upgrade: 'websocket' } : {};
  const call = async (
    stub: DurableObjectStub<PartitionMethods>,
    version: number,
    current: TopicDefinition,
  ): Promise<Response | Failure | Stale> => {
    noteTopic(current);
    const request: ReadRequest = {
      version,
      offset: readOffset(query.offset),
      bytesMax: query.max_bytes,
      recordsMax: wantsBatches(c) ? Number.MAX_SAFE_INTEGER : query.max_records,
      isolation: query.isolation,
      ...(query.wait_for === 'progress' && { waitsForProgress: true }),
      seenHighWatermark: query.seen_high_watermark,
    };
    const url = `https://partition/?${encodeURIComponent(JSON.stringify(request))}`;
    const response = await stub.fetch(url, { headers });
    return response.status === 422 ? await response.json<Failure | Stale>() : response;
  };
  return await callPartition<Response | Failure>(c.env, topic, partition, call, { isPinned });
}

function batchesReply({ topicId, log }: Read): Response {
  if (log instanceof Response) {
    const headers = new Headers(log.headers);
    headers.set('content-type', RECORD_BATCH_TYPE);
    headers.set(TOPIC_ID_HEADER, String(topicId));
    return new Response(log.body, { headers });
  }
  return new Response(log.batches as Uint8Array<ArrayBuffer>, {
    headers: {
      'content-type': RECORD_BATCH_TYPE,
      [TOPIC_ID_HEADER]: String(topicId),
      [START_OFFSET_HEADER]: String(log.startOffset),
      [NEXT_OFFSET_HEADER]: String(log.nextOffset),
      [HIGH_WATERMARK_HEADER]: String(log.highWatermark),
      [LOG_START_OFFSET_HEADER]: String(log.logStartOffset),
      [LAST_STABLE_OFFSET_HEADER]: String(log.lastStableOffset),
    },
  });
}

/** The bytes stream through uncounted; compacted records count too. */
function recordCountOf(headers: Headers): number {
  return Number(headers.get(NEXT_OFFSET_HEADER)) - Number(headers.get(START_OFFSET_HEADER));
}

function lengthOf(response: Response): number {
  return Number(response.headers.get('content-length'));
}

function weightOf(c: AppContext): number {
  return wantsBatches(c) ? 1 : JSON_REPLY_WEIGHT;
}

async function frameOf(log: Read['log']): Promise<FetchFrame> {
  return log instanceof Response ? await frameOfResponse(log) : log;
}

function wantsBatches(c: AppContext): boolean {
  return (c.req.header('accept') ?? '').includes(RECORD_BATCH_TYPE);
}

function readOffset(offset: FetchOffset): ReadRequest['offset'] {
  if (typeof offset === 'number' || offset === 'earliest' || offset === 'latest') return offset;
  return { timestampMs: Number(offset.slice(1)) };
}
