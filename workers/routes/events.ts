/**
 * Events: CloudEvents that come in, and become a produce or a publish of the target that the query names. That request is
 * answered as if its client had sent it: with the same checks of rights, rates, quotas and size.
 */

import type { Hono } from 'hono';
import {
  eventOfHeaders,
  eventOfJson,
  SPEC_VERSION_HEADER,
  type CloudEvent,
} from '../../protocol/cloud-events/cloud-event.ts';
import {
  identityOf,
  messageOfEvent,
  recordOfEvent,
  routedMessageOfEvent,
} from '../../protocol/cloud-events/stored-event.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { parseJson } from '../../protocol/json/json-parse.ts';
import { beginsArray } from '../../protocol/json/json-scan.ts';
import { PROPERTY_LENGTH_MAX, REQUEST_RECORDS_MAX } from '../../protocol/limits.ts';
import {
  CLOUD_EVENT_BATCH_TYPE,
  CLOUD_EVENT_TYPE,
  CLOUD_EVENT_TYPE_PREFIX,
  JSON_TYPE,
} from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { EVENT_TARGETS, eventsQuerySchema, type EventsQuery } from '../../protocol/schemas/events.ts';
import { digestOf, hexOf } from '../access/digest.ts';
import { JSON_WEIGHT, releaseBody } from '../bounds/request-bytes.ts';
import { innerRequest, passedHeaders } from '../http/inner-request.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { contentType, readBytes } from '../http/request.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { at, tooMany } from '../../core/queue/publish/message-checks.ts';
import { bind } from './bind.ts';

const JSON_TYPES = new Set([CLOUD_EVENT_TYPE, CLOUD_EVENT_BATCH_TYPE, JSON_TYPE, '']);

export function eventRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.sendEvents, async (c) => {
    const query = readQuery(c, eventsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const wrong = queryProblem(query.fields);
    if (wrong) return problem(c, wrong);
    const body = await requestBody(c, query.fields);
    if (isFailure(body)) return problem(c, body);
    // From here on the request that is made of it counts for itself.
    releaseBody(c.req.raw);
    const request = innerRequest(c, {
      path: pathOf(query.fields),
      json: body,
      headers: passedHeaders(c),
      identity: null,
    });
    try {
      return await app.fetch(request, c.env, c.executionCtx);
    } finally {
      releaseBody(request);
    }
  });
}

function queryProblem(query: EventsQuery): Failure | null {
  if (EVENT_TARGETS.filter((name) => query[name] !== undefined).length !== 1)
    return failure('invalid_field', 'query: expected one of topic, queue and exchange');
  if (query.key !== undefined && query.topic === undefined)
    return failure('invalid_field', 'query key: is for a topic');
  if (query.routing_key !== undefined && query.exchange === undefined)
    return failure('invalid_field', 'query routing_key: is for an exchange');
  return null;
}

/** The body of the produce or publish. Apart, so that the events leave memory while it is stored. */
async function requestBody(c: AppContext, query: EventsQuery): Promise<string | Failure> {
  const events = await readEvents(c);
  if (isFailure(events)) return events;
  if (events.length > REQUEST_RECORDS_MAX) return tooMany(events.length);
  const translated: unknown[] = [];
  for (const [index, event] of events.entries()) {
    const one = await translate(event, query);
    if (isFailure(one)) return at(index, one);
    translated.push(one);
  }
  return JSON.stringify(query.topic === undefined ? { messages: translated } : { records: translated });
}

async function translate(event: CloudEvent, query: EventsQuery): Promise<object | Failure> {
  if (query.topic !== undefined) return recordOfEvent(event, query.key);
  const identity = identityOf(event);
  const id = identity.length <= PROPERTY_LENGTH_MAX ? identity : hexOf(await digestOf(identity));
  return query.queue === undefined
    ? routedMessageOfEvent(event, id, query.routing_key)
    : messageOfEvent(event, id);
}

async function readEvents(c: AppContext): Promise<CloudEvent[] | Failure> {
  const type = contentType(c);
  // The content type tells the form, whatever headers there are beside it.
  const isBinary =
    c.req.header(SPEC_VERSION_HEADER) !== undefined && !type.startsWith(CLOUD_EVENT_TYPE_PREFIX);
  if (!isBinary && !JSON_TYPES.has(type)) return unknownForm(type);
  const bytes = await readBytes(c.req.raw, isBinary ? 1 : JSON_WEIGHT);
  if (isFailure(bytes)) return bytes;
  if (isBinary) {
    const event = eventOfHeaders(c.req.raw.headers, bytes);
    return isFailure(event) ? event : [event];
  }
  const isBatch = type === CLOUD_EVENT_BATCH_TYPE || (type !== CLOUD_EVENT_TYPE && beginsArray(bytes));
  const parsed = parseJson(bytes, isBatch ? [null, 'data'] : ['data']);
  if (isFailure(parsed)) return parsed;
  const given = isBatch ? parsed.json : [parsed.json];
  if (!Array.isArray(given) || given.length === 0)
    return failure('invalid_event', 'a batch is a JSON array with at least one event');
  const events: CloudEvent[] = [];
  for (const [index, json] of given.entries()) {
    const event = eventOfJson(json);
    if (isFailure(event)) return isBatch ? at(index, event) : event;
    events.push(event);
  }
  return events;
}

function pathOf({ topic, queue, exchange }: EventsQuery): string {
  if (topic !== undefined) return `/topics/${topic}/records`;
  const [kind, name = ''] = queue === undefined ? ['exchanges', exchange] : ['queues', queue];
  return `/${kind}/${encodeURIComponent(name)}/messages`;
}

function unknownForm(type: string): Failure {
  return failure(
    'unsupported_media_type',
    `content type "${type}" is no CloudEvent; send ${CLOUD_EVENT_TYPE}, ${CLOUD_EVENT_BATCH_TYPE}, or headers ce-specversion, ce-id, ce-source and ce-type`,
  );
}
