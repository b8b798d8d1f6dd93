/**
 * Messages as JSON, and as records. A message is one Kafka record:
 *
 *   value       the body (json-bytes.ts)
 *   key         the ordering key, or null
 *   timestamp   when it was published, in ms; TTLs count from it
 *   headers     the message's own, then its properties under names that begin with ':', as text
 */

import * as z from '../zod.ts';
import {
  headersInSchema,
  headersOut,
  headersOutSchema,
  recordHeadersOf,
  type WrittenHeaders,
} from '../json/header-fields.ts';
import {
  BYTES_OR_JSON,
  bytesOfText,
  bytesOfValue,
  textOfBytes,
  textOrBytesSchema,
  valueOfBytes,
  type Base64Bytes,
} from '../json/json-bytes.ts';
import type { JsonValue, JsonText } from '../json/json-text.ts';
import {
  HEADER_VALUES_MAX,
  ORDERING_KEY_BYTES_MAX,
  PRIORITY_MAX,
  PROPERTY_LENGTH_MAX,
  TIME_SPAN_MS_MAX,
} from '../limits.ts';
import {
  EXCHANGE_HEADER,
  PROPERTY_HEADERS,
  RESERVED_PREFIX,
  ROUTING_KEY_HEADER,
} from '../headers/message-headers.ts';
import { notTogether } from './schema-rules.ts';
import type { LogRecord, RecordHeader, RecordInput } from '../record-batch/index.ts';

export * from '../headers/message-headers.ts';

const shortText = () => z.string().max(PROPERTY_LENGTH_MAX);
const spanMs = () => z.int().min(0).max(TIME_SPAN_MS_MAX);

/** Of a message that comes out: an older version has stored what is refused now. */
export const anyPropertiesSchema = z
  .strictObject({
    priority: z
      .int()
      .min(0)
      .max(PRIORITY_MAX)
      .describe("The highest first; above the queue's max_priority it counts as that"),
    expiration_ms: spanMs().describe('Expires that long after it was published'),
    delay_ms: spanMs().describe('Is delivered that long after it was published'),
    deliver_at: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .describe('Is delivered at that time, in ms since 1970'),
    message_id: shortText().min(1).describe('The id that deduplication uses'),
    correlation_id: shortText(),
    reply_to: shortText(),
    ordering_key: textOrBytesSchema.describe(
      'Messages of one key are delivered one at a time, in the order of publishing. So it excludes a priority above 0, a delay and a time of delivery',
    ),
    content_type: shortText(),
    timestamp: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .describe('When the application made it, in ms since 1970'),
    type: shortText(),
    app_id: shortText(),
    claim: shortText().describe(
      'Where the body is, if it was too large for the message: `{"id", "bytes", "sha256", "content_type"}` as text, with the id of an object',
    ),
  })
  .partial()
  .meta(notTogether('delay_ms', 'deliver_at'));
export type MessageProperties = z.infer<typeof anyPropertiesSchema>;

/** An ordering key promises the order of publishing; a priority or a later time would break it. See ADR 14. */
export const ORDERING_MIX =
  'an ordering key is in the order of publishing: it excludes a priority above 0, delay_ms above 0, and deliver_at';

export function breaksOrder(properties: MessageProperties): boolean {
  const { ordering_key: key, priority = 0, delay_ms: delayMs = 0, deliver_at: deliverAt } = properties;
  return key !== undefined && (priority > 0 || delayMs > 0 || deliverAt !== undefined);
}

const keyWith = (name: string) => ({
  not: { required: ['ordering_key', name], properties: { [name]: { minimum: 1 } } },
});

/** The properties of a message that is published, as far as `schema` has them. */
export function inOrder<Schema extends z.ZodType<MessageProperties>>(schema: Schema): Schema {
  return schema
    .refine((properties) => !breaksOrder(properties), ORDERING_MIX)
    .meta({
      allOf: [
        notTogether('delay_ms', 'deliver_at'),
        keyWith('priority'),
        keyWith('delay_ms'),
        { not: { required: ['ordering_key', 'deliver_at'] } },
      ],
    });
}

export const propertiesSchema = inOrder(anyPropertiesSchema);

export type MessageHeaders = z.infer<typeof headersOutSchema>;

export const messageSchema = z.strictObject({
  body: z
    .unknown()
    .refine((body) => body !== undefined, 'is required; null is a body too')
    .meta(BYTES_OR_JSON)
    .describe('Any JSON value, or {"$base64": "..."} for bytes'),
  headers: headersInSchema({ isBrokers: true })
    .optional()
    .describe(`Name to value; an array if a name occurs more than once; ${HEADER_VALUES_MAX} values at most`),
  properties: propertiesSchema.optional(),
});
export type Message = z.infer<typeof messageSchema>;

/** A message as it comes out, without what a delivery adds. */
export interface MessageOut<Body = JsonValue, Headers = MessageHeaders> {
  body: Body;
  headers?: Headers;
  properties: MessageProperties;
  /** When it was published, in ms. */
  published_at: number;
  exchange?: string;
  routing_key?: string;
}

/** As the broker hands it to `writeJson`. */
export type WrittenMessage = MessageOut<JsonText | Base64Bytes | null, WrittenHeaders>;

export const messageOutShape = {
  body: z
    .unknown()
    .describe(
      'The JSON value that was published, with the same text. {"$base64": "..."}: bytes that are not JSON, or that would be ambiguous (the bytes `null`, an object with a member $base64)',
    ),
  headers: headersOutSchema.optional(),
  properties: anyPropertiesSchema,
  published_at: z.int().describe('In ms since 1970'),
  exchange: z.string().optional().describe('The exchange that it was published to'),
  routing_key: z.string().optional().describe('The routing key that it was published with'),
};

/** What the broker adds when a message comes through an exchange. */
export interface MessageRoute {
  exchange: string;
  routingKey: string;
}

/**
 * The record of a message, or in words what is wrong with it.
 * @param nowMs when it is published
 */
export function recordOfMessage(message: Message, nowMs: number, route?: MessageRoute): RecordInput | string {
  const value = bytesOfValue(message.body);
  if (value === undefined) {
    return 'body: bytes are written {"$base64": "..."} with padded base64 and nothing beside';
  }
  const { ordering_key: orderingKey, ...properties } = message.properties ?? {};
  const key = orderingKey === undefined ? null : bytesOfText(orderingKey);
  if (key !== null && key.length > ORDERING_KEY_BYTES_MAX) {
    return `properties.ordering_key: has ${key.length} bytes, at most ${ORDERING_KEY_BYTES_MAX} are allowed`;
  }
  if (properties.delay_ms !== undefined && properties.deliver_at !== undefined) {
    return 'properties: delay_ms and deliver_at exclude each other';
  }
  const headers = recordHeadersOf(message.headers);
  for (const [name, property] of Object.entries(properties)) {
    if (property === undefined) continue;
    headers.push(textHeader(PROPERTY_HEADERS[name as keyof typeof PROPERTY_HEADERS], String(property)));
  }
  if (route) {
    headers.push(
      textHeader(EXCHANGE_HEADER, route.exchange),
      textHeader(ROUTING_KEY_HEADER, route.routingKey),
    );
  }
  return { key, value, timestamp: nowMs, headers };
}

export function textHeader(key: string, text: string): RecordHeader {
  return { key, value: bytesOfText(text) };
}

export function messageOfRecord(
  record: Pick<LogRecord, 'key' | 'value' | 'timestamp' | 'headers'>,
): WrittenMessage {
  const message: WrittenMessage = {
    body: valueOfBytes(record.value),
    properties: {},
    published_at: record.timestamp,
  };
  if (record.key !== null) message.properties.ordering_key = textOfBytes(record.key);
  const own: RecordHeader[] = [];
  for (const header of record.headers) {
    if (header.key.startsWith(RESERVED_PREFIX)) readReserved(message, header.key, header.value);
    else own.push(header);
  }
  const headers = headersOut(own);
  if (headers) message.headers = headers;
  return message;
}

const PROPERTY_OF_HEADER = new Map(
  Object.entries(PROPERTY_HEADERS).map(([property, header]) => [header as string, property]),
);
/** Properties that are integers from 0, as text in their headers. */
export const NUMERIC_PROPERTIES = new Set([
  'priority',
  'expiration_ms',
  'delay_ms',
  'deliver_at',
  'timestamp',
]);

function readReserved(message: WrittenMessage, key: string, value: Uint8Array | null): void {
  const text = value === null ? '' : textOfBytes(value);
  if (typeof text !== 'string') return;
  if (key === EXCHANGE_HEADER) message.exchange = text;
  else if (key === ROUTING_KEY_HEADER) message.routing_key = text;
  else {
    const property = PROPERTY_OF_HEADER.get(key);
    if (property === undefined) return;
    (message.properties as Record<string, string | number>)[property] = NUMERIC_PROPERTIES.has(property)
      ? Number(text)
      : text;
  }
}
