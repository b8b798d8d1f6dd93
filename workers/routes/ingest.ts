/**
 * Ingest: changes of databases that come in as events, and become records in the topic of each table. Topics that are missing are made,
 * by a request as its client would send it: with the same checks of rights and quotas, and the same record in the audit.
 */

import type { Hono } from 'hono';
import { changeOfEvent, changeOfJson, recordsOf, topicOf, type Change } from '../../core/ingest/debezium.ts';
import { eventOfJson, type CloudEvent } from '../../protocol/cloud-events/cloud-event.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { parseJson, withoutByteOrderMark } from '../../protocol/json/json-parse.ts';
import { beginsArray } from '../../protocol/json/json-scan.ts';
import type { JsonText } from '../../protocol/json/json-text.ts';
import { REQUEST_RECORDS_MAX } from '../../protocol/limits.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  debeziumQuerySchema,
  type DebeziumStored,
  type DebeziumTarget,
} from '../../protocol/schemas/ingest.ts';
import type { ProduceRecord } from '../../protocol/schemas/records.ts';
import { JSON_WEIGHT, releaseBody } from '../bounds/request-bytes.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { innerIdentity, innerRequest, passedHeaders } from '../http/inner-request.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { bodyKind, readBytes } from '../http/request.ts';
import { storeChanges } from '../ingest/store-changes.ts';
import { at, tooMany } from '../../core/queue/publish/message-checks.ts';
import { bind } from './bind.ts';

/** Topics of one request: each is a produce of its own. */
const TOPICS_MAX = 100;

type Given = { change: Change; bytes: Uint8Array } | { change: Change; event: CloudEvent };

export function ingestRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.ingestDebezium, async (c) => {
    const query = readQuery(c, debeziumQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { create, tombstones, ...fields } = query.fields;
    if (tombstones === 'true' && fields.key === undefined)
      return problem(c, failure('invalid_field', 'query tombstones: needs `key`'));
    const target = { ...fields, tombstones: tombstones === 'true', create: create !== 'false' };
    const read = await readChanges(c, target);
    if (isFailure(read)) return problem(c, read);
    const stored: DebeziumStored['topics'] = [];
    for (const [topic, records] of read.byTopic) {
      const count = await store(app, c, topic, records, target.create);
      // Debezium sends all of it again: what is stored is known then.
      if (count instanceof Response) return count;
      stored.push({ topic, records: count });
    }
    return c.json({ events: read.count, topics: stored } satisfies DebeziumStored);
  });
}

/** Stores records, and makes their topic if it is missing. Returns their number, or why they are not stored. */
async function store(
  app: Hono<AppEnv>,
  c: AppContext,
  topic: string,
  records: readonly ProduceRecord[],
  isMade: boolean,
): Promise<number | Response> {
  const stored = await storeChanges(c, topic, records);
  if (!isFailure(stored)) return stored;
  if (stored.code !== 'topic_not_found' || !isMade) return problem(c, stored);
  const made = await make(app, c, topic);
  if (made.status >= 400) return made;
  const again = await storeChanges(c, topic, records);
  return isFailure(again) ? problem(c, again) : again;
}

async function make(app: Hono<AppEnv>, c: AppContext, topic: string): Promise<Response> {
  const identity = innerIdentity(c.req.raw) ?? null;
  const call = { method: 'PUT', path: `/topics/${topic}`, json: '{}' } as const;
  const request = innerRequest(c, { ...call, headers: passedHeaders(c), identity });
  try {
    return await app.fetch(request, c.env, c.executionCtx);
  } finally {
    releaseBody(request);
  }
}

/** The records by topic, in the order of the events. Apart, so that the events leave memory while the records are stored. */
async function readChanges(
  c: AppContext,
  target: DebeziumTarget,
): Promise<{ byTopic: Map<string, ProduceRecord[]>; count: number } | Failure> {
  const events = await readEvents(c);
  if (isFailure(events)) return events;
  if (events.length > REQUEST_RECORDS_MAX) return tooMany(events.length);
  const byTopic = new Map<string, ProduceRecord[]>();
  for (const [index, bytes] of events.entries()) {
    const given = readOne(bytes);
    if (isFailure(given)) return at(index, given);
    const topic = topicOf(given.change, target);
    if (isFailure(topic)) return at(index, topic);
    const records = recordsOf(given, target);
    if (isFailure(records)) return at(index, records);
    const others = byTopic.get(topic);
    if (others === undefined) byTopic.set(topic, records);
    else others.push(...records);
  }
  if (byTopic.size > TOPICS_MAX)
    return failure(
      'invalid_event',
      `the events are of ${byTopic.size} topics; at most ${TOPICS_MAX} at once`,
    );
  return { byTopic, count: events.length };
}

async function readEvents(c: AppContext): Promise<Uint8Array[] | Failure> {
  const kind = bodyKind(c, false);
  if (isFailure(kind)) return kind;
  const read = await readBytes(c.req.raw, JSON_WEIGHT);
  if (isFailure(read)) return read;
  const bytes = withoutByteOrderMark(read);
  const isBatch = beginsArray(bytes);
  const parsed = parseJson(bytes, isBatch ? [null] : []);
  if (isFailure(parsed)) return parsed;
  return isBatch ? (parsed.json as JsonText[]).map((one) => one.bytes) : [bytes];
}

function readOne(bytes: Uint8Array): Given | Failure {
  const parsed = parseJson(bytes, ['data']);
  if (isFailure(parsed)) return parsed;
  const isEvent =
    typeof parsed.json === 'object' && parsed.json !== null && Object.hasOwn(parsed.json, 'specversion');
  if (!isEvent) {
    const change = changeOfJson(new TextDecoder().decode(bytes));
    return isFailure(change) ? change : { change, bytes };
  }
  const event = eventOfJson(parsed.json);
  return isFailure(event) ? event : { change: changeOfEvent(event), event };
}
