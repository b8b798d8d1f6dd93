/** Push body: messages as the body and the headers of a request, in the format of their subscription. */

import { textOf } from '../../core/queue/dead-letters/death-headers.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import { eventOfMessage, headersOfEvent, jsonOfEvent } from '../../protocol/cloud-events/sent-event.ts';
import { isJson } from '../../protocol/json/json-bytes.ts';
import { writeJson } from '../../protocol/json/json-text.ts';
import { messageOfRecord, PROPERTY_HEADERS } from '../../protocol/schemas/messages.ts';
import { writtenRecord } from '../../protocol/schemas/written-record.ts';
import {
  traceContextOf,
  TRACEPARENT_HEADER,
  TRACESTATE_HEADER,
} from '../../protocol/headers/trace-context.ts';
import type { PushMessage } from './push-message.ts';

export interface PushBody {
  body: Uint8Array;
  headers: Record<string, string>;
}

const encoder = new TextEncoder();
const EMPTY = new Uint8Array();

export function bodyOf(definition: SubscriptionDefinition, messages: readonly PushMessage[]): PushBody {
  const { body, headers } = formatted(definition, messages);
  // Of many messages no trace is that of the request.
  return messages.length === 1
    ? { body, headers: { ...headers, ...traceHeaders(messages[0]!) } }
    : { body, headers };
}

/** The trace context of the message, if it is valid. */
function traceHeaders({ record }: PushMessage): Record<string, string> {
  const parent = textOf(record, TRACEPARENT_HEADER);
  const context = traceContextOf(parent, textOf(record, TRACESTATE_HEADER));
  if (context === null) return {};
  const { traceparent, tracestate } = context;
  return { traceparent, ...(tracestate !== null && { tracestate }) };
}

function formatted(
  { namespace, name, config: { format } }: SubscriptionDefinition,
  messages: readonly PushMessage[],
): PushBody {
  const [first] = messages;
  const events = () => messages.map((message) => eventOfPush(namespace, message));
  if (format === 'json') {
    const { kind, name: source } = first!.origin;
    const json = { namespace, [kind]: source, subscription: name, messages: messages.map(jsonOf) };
    return jsonBody(json, 'application/json');
  }
  if (format === 'body') {
    const body = first!.record.value ?? EMPTY;
    const type = textOf(first!.record, PROPERTY_HEADERS.content_type);
    return { body, headers: { 'content-type': headerText(type) ?? typeOf(body) } };
  }
  if (format === 'cloudevents-batch')
    return jsonBody(events().map(jsonOfEvent), 'application/cloudevents-batch+json');
  const [event] = events();
  if (format === 'cloudevents-structured')
    return jsonBody(jsonOfEvent(event!), 'application/cloudevents+json');
  return { body: event!.data ?? EMPTY, headers: headersOfEvent(event!) };
}

function jsonBody(json: unknown, type: string): PushBody {
  return { body: encoder.encode(writeJson(json)), headers: { 'content-type': type } };
}

function jsonOf({ id, attempt, origin, record }: PushMessage) {
  if (origin.kind === 'queue') return { id, attempt, ...messageOfRecord(record) };
  return { id, attempt, partition: origin.partition, ...writtenRecord(record) };
}

function eventOfPush(namespace: string, { id, origin, record }: PushMessage) {
  const source = `/v1/${namespace}/${origin.kind}s/${encodeURIComponent(origin.name)}`;
  return eventOfMessage(record, { id, source });
}

/** A content type that came with a message, unless no header can hold it. */
function headerText(text: string | null): string | null {
  return text !== null && /^[!-~](?:[ -~]*[!-~])?$/.test(text) ? text : null;
}

function typeOf(body: Uint8Array): string {
  return isJson(body) ? 'application/json' : 'application/octet-stream';
}
