/** JSON fields: field tables as the management API writes them, and back. */

import type { FieldTable, FieldValue } from '../../../wire/amqp/codec/field-table.ts';
import type { BasicProperties } from '../../../wire/amqp/codec/properties.ts';
import { textField } from '../../../wire/amqp/codec/field-table.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const decoder = new TextDecoder();

export function tableOf(json: unknown): FieldTable {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return [];
  return Object.entries(json).map(([name, value]) => [name, fieldOfJson(value as Json)] as const);
}

function fieldOfJson(json: Json): FieldValue {
  if (json === null) return { type: 'V' };
  if (typeof json === 'boolean') return { type: 't', value: json };
  if (typeof json === 'string') return textField(json);
  if (typeof json === 'number') {
    return Number.isSafeInteger(json) ? { type: 'l', value: BigInt(json) } : { type: 'd', value: json };
  }
  if (Array.isArray(json)) return { type: 'A', value: (json as readonly Json[]).map(fieldOfJson) };
  return { type: 'F', value: tableOf(json) };
}

export function jsonOfTable(table: FieldTable): Record<string, Json> {
  return Object.fromEntries(table.map(([name, field]) => [name, jsonOfField(field)]));
}

function jsonOfField(field: FieldValue): Json {
  if (field.type === 'V') return null;
  if (field.type === 'D') return field.unscaled / 10 ** field.scale;
  if (field.type === 'A') return field.value.map(jsonOfField);
  if (field.type === 'F') return jsonOfTable(field.value);
  if (field.value instanceof Uint8Array) return decoder.decode(field.value);
  return typeof field.value === 'bigint' ? Number(field.value) : field.value;
}

/** Properties of AMQP by the names that the management API has for them. */
const NAMES = {
  contentType: 'content_type',
  contentEncoding: 'content_encoding',
  deliveryMode: 'delivery_mode',
  priority: 'priority',
  correlationId: 'correlation_id',
  replyTo: 'reply_to',
  expiration: 'expiration',
  messageId: 'message_id',
  type: 'type',
  userId: 'user_id',
  appId: 'app_id',
} as const;

const NUMBERS = new Set(['deliveryMode', 'priority']);

export function jsonOfProperties(properties: BasicProperties): Record<string, Json> {
  const json: Record<string, Json> = {};
  for (const [name, shown] of Object.entries(NAMES) as [keyof typeof NAMES, string][]) {
    if (properties[name] !== undefined) json[shown] = properties[name];
  }
  if (properties.timestamp !== undefined) json['timestamp'] = Number(properties.timestamp);
  if (properties.headers !== undefined) json['headers'] = jsonOfTable(properties.headers);
  return json;
}

export function propertiesOfJson(json: unknown): BasicProperties {
  const given = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  const properties: Record<string, unknown> = {};
  for (const [name, shown] of Object.entries(NAMES)) {
    const value = given[shown];
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    properties[name] = NUMBERS.has(name) ? Number(value) : String(value);
  }
  const { timestamp, headers } = given;
  if (typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp >= 0) {
    properties['timestamp'] = BigInt(timestamp);
  }
  if (headers !== undefined) properties['headers'] = tableOf(headers);
  return properties as BasicProperties;
}
