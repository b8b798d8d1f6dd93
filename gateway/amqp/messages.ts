/**
 * Messages: AMQP's on their way into the broker, and the broker's on their way to AMQP.
 *
 * The header `amqp-properties` keeps the properties of an AMQP message as they were sent, so that an AMQP consumer gets them back
 * with all types. Beside it stand those properties and headers that the broker routes by and that other clients read.
 */

import { PRIORITY_MAX, PROPERTY_LENGTH_MAX, TIME_SPAN_MS_MAX } from '../../protocol/limits.ts';
import { ROUTING_KEY_HEADER } from '../../protocol/headers/message-headers.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';
import type { ReceivedMessage } from '../../sdk/consumer/received-message.ts';
import type { MessageProperties, OutgoingMessage } from '../../sdk/values/message-input.ts';
import type { PublishedMessage } from '../../wire/amqp/broker-port.ts';
import {
  fieldOf,
  integerOfField,
  textField,
  type FieldTable,
  type FieldValue,
} from '../../wire/amqp/codec/field-table.ts';
import { decodeProperties, encodeProperties } from '../../wire/amqp/codec/frames.ts';
import type { BasicProperties } from '../../wire/amqp/codec/properties.ts';
import { withDeaths } from './x-death.ts';

export const RAW_PROPERTIES_HEADER = 'amqp-properties';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Of RabbitMQ's plugin for delayed messages. Here it counts on every exchange. */
const DELAY_HEADER = 'x-delay';

/** Properties without any flag. */
const NONE_LENGTH = 2;

export function outgoingOf(message: PublishedMessage): OutgoingMessage {
  const { properties, rawProperties, body, routingKey, furtherKeys } = message;
  const headers = headersOf(properties.headers ?? []);
  if (rawProperties.length > NONE_LENGTH) headers.push({ key: RAW_PROPERTIES_HEADER, value: rawProperties });
  // The last is its own. The SDK adds that, unless it is empty.
  const keys = furtherKeys.length > 0 && routingKey === '' ? [...furtherKeys, ''] : furtherKeys;
  for (const key of keys) headers.push({ key: ROUTING_KEY_HEADER, value: encoder.encode(key) });
  return { body, headers, properties: propertiesOf(properties) };
}

function headersOf(table: FieldTable): RecordHeader[] {
  const headers: RecordHeader[] = [];
  for (const [name, field] of table) {
    if (name === '' || name.startsWith(':') || name === RAW_PROPERTIES_HEADER) continue;
    const text = textOf(field);
    if (text !== undefined) headers.push({ key: name, value: text === null ? null : encoder.encode(text) });
  }
  return headers;
}

/** A scalar as text; undefined for other types, which only the raw properties keep. */
export function textOf(field: FieldValue): string | null | undefined {
  if (field.type === 'S') return decoder.decode(field.value);
  if (field.type === 'V') return null;
  const isScalar = field.type !== 'A' && field.type !== 'F' && field.type !== 'x' && field.type !== 'D';
  return isScalar ? String(field.value) : undefined;
}

function propertiesOf(given: BasicProperties): MessageProperties {
  const properties: MessageProperties = {};
  const delayMs = integerOfField(fieldOf(given.headers ?? [], DELAY_HEADER));
  if (delayMs !== undefined && delayMs > 0) properties.delayMs = Math.min(delayMs, TIME_SPAN_MS_MAX);
  if (given.priority !== undefined) properties.priority = Math.min(given.priority, PRIORITY_MAX);
  if (given.expiration !== undefined) properties.expirationMs = Number(given.expiration);
  const timestampMs = given.timestamp === undefined ? Infinity : Number(given.timestamp) * 1_000;
  if (timestampMs <= Number.MAX_SAFE_INTEGER) properties.timestamp = timestampMs;
  if (given.messageId) properties.messageId = given.messageId;
  for (const name of ['correlationId', 'replyTo', 'contentType', 'type', 'appId'] as const) {
    if (given[name] !== undefined && given[name].length <= PROPERTY_LENGTH_MAX)
      properties[name] = given[name];
  }
  return properties;
}

/** The properties of a message for an AMQP client, as a content header has them. */
export function rawPropertiesOf(message: ReceivedMessage): Uint8Array {
  const raw = message.headers.find(({ key }) => key === RAW_PROPERTIES_HEADER)?.value;
  // Anybody can send a header of that name.
  const sent = raw ? decodeProperties(raw) : null;
  const hasDied = message.deaths.length > 0;
  if (sent !== null) return hasDied ? encodeProperties(withDeaths(sent, message)) : raw!;
  const { properties, headers } = message;
  const { priority, expirationMs, messageId, timestamp, ...texts } = properties;
  const basic: BasicProperties = {};
  for (const name of ['correlationId', 'replyTo', 'contentType', 'type', 'appId'] as const) {
    if (texts[name] !== undefined) basic[name] = texts[name];
  }
  if (priority !== undefined) basic.priority = priority;
  if (expirationMs !== undefined) basic.expiration = String(expirationMs);
  if (messageId !== undefined) basic.messageId = messageId;
  if (timestamp !== undefined) basic.timestamp = BigInt(Math.floor(timestamp / 1_000));
  if (headers.length > 0) {
    basic.headers = headers.map(({ key, value }) => [
      key,
      value === null ? { type: 'V' } : textField(decoder.decode(value)),
    ]);
  }
  basic.deliveryMode = 2;
  return encodeProperties(hasDied ? withDeaths(basic, message) : basic);
}
