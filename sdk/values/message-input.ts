/**
 * Message input: turns a message of an application into a record, as `protocol/schemas/messages.ts` does in the broker.
 */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import {
  ORDERING_KEY_BYTES_MAX,
  PRIORITY_MAX,
  PROPERTY_LENGTH_MAX,
  TIME_SPAN_MS_MAX,
} from '../../protocol/limits.ts';
import {
  PROPERTY_HEADERS as HEADERS,
  RESERVED_PREFIX,
  ROUTING_KEY_HEADER,
} from '../../protocol/headers/message-headers.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';
import { invalidArgument } from '../errors.ts';
import { recordHeaders, type RecordHeaders } from './record-input.ts';
import { bytesOfText } from './text.ts';

export interface MessageProperties {
  /** 0 to 31; higher priorities are delivered first. A value above the queue's `maxPriority` counts as that. */
  priority?: number | undefined;
  /** The message expires this long after its publish, in ms. */
  expirationMs?: number | undefined;
  /** The message is delivered this long after its publish, in ms. */
  delayMs?: number | undefined;
  /** The message is delivered at this time, in ms since 1970. Instead of `delayMs`. */
  deliverAt?: number | Date | undefined;
  /** The id that deduplication uses. */
  messageId?: string | undefined;
  correlationId?: string | undefined;
  /** The queue for replies. */
  replyTo?: string | undefined;
  /** Messages of one key are delivered one at a time, in order. */
  orderingKey?: string | Uint8Array | undefined;
  contentType?: string | undefined;
  /** When the application made it, in ms since 1970. */
  timestamp?: number | Date | undefined;
  type?: string | undefined;
  appId?: string | undefined;
  /** Where the body is, if it was too large for the message. The publisher sets it. */
  claim?: string | undefined;
}

/** A message to be published. */
export interface OutgoingMessage {
  /** Any JSON value (a string with its quotes), bytes, or null. Bytes are not copied: leave them until it is stored. */
  body: JsonValue | Uint8Array | object;
  /** Names that begin with ":" are the broker's. One of `:routing-key` is a further key by which an exchange routes the message. */
  headers?: RecordHeaders | undefined;
  properties?: MessageProperties | undefined;
}

export const MESSAGE_ID_HEADER = HEADERS.message_id;

type PropertyName = Exclude<keyof MessageProperties, 'orderingKey'>;

interface PropertyRule {
  header: string;
  /** Of numbers; texts have none. */
  max: number | null;
}

const text = (header: string): PropertyRule => ({ header, max: null });
const whole = (header: string, max: number): PropertyRule => ({ header, max });

const RULES: Record<PropertyName, PropertyRule> = {
  priority: whole(HEADERS.priority, PRIORITY_MAX),
  expirationMs: whole(HEADERS.expiration_ms, TIME_SPAN_MS_MAX),
  delayMs: whole(HEADERS.delay_ms, TIME_SPAN_MS_MAX),
  deliverAt: whole(HEADERS.deliver_at, Number.MAX_SAFE_INTEGER),
  messageId: text(HEADERS.message_id),
  correlationId: text(HEADERS.correlation_id),
  replyTo: text(HEADERS.reply_to),
  contentType: text(HEADERS.content_type),
  timestamp: whole(HEADERS.timestamp, Number.MAX_SAFE_INTEGER),
  type: text(HEADERS.type),
  appId: text(HEADERS.app_id),
  claim: text(HEADERS.claim),
};

/** For reading: the property of each header, and whether it is a number. */
export const PROPERTY_OF_HEADER = new Map(
  Object.entries(RULES).map(([name, { header, max }]) => [header, { name, isNumber: max !== null }]),
);

export function orderingKeyBytes(key: MessageProperties['orderingKey']): Uint8Array | null {
  if (key === undefined) return null;
  const bytes = typeof key === 'string' ? bytesOfText(key) : key;
  if (!(bytes instanceof Uint8Array)) throw invalidArgument('orderingKey is text or a Uint8Array');
  if (bytes.length <= ORDERING_KEY_BYTES_MAX) return bytes;
  throw invalidArgument(`orderingKey has more than ${ORDERING_KEY_BYTES_MAX} bytes`);
}

/** The headers of the record: the message's own, then its properties. */
export function messageHeaders({ headers, properties }: OutgoingMessage): readonly RecordHeader[] {
  const own = recordHeaders(headers);
  for (const { key } of own) {
    if (key.startsWith(RESERVED_PREFIX) && key !== ROUTING_KEY_HEADER) {
      throw invalidArgument(`header "${key}": names that begin with ":" are the broker's`);
    }
  }
  if (properties === undefined) return own;
  if (properties.delayMs !== undefined && properties.deliverAt !== undefined) {
    throw invalidArgument('delayMs and deliverAt exclude each other');
  }
  const all = [...own];
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || name === 'orderingKey') continue;
    const rule = Object.hasOwn(RULES, name) ? RULES[name as PropertyName] : undefined;
    if (rule === undefined) throw invalidArgument(`there is no property "${name}"`);
    all.push({ key: rule.header, value: bytesOfText(textOf(name, rule, value)) });
  }
  return all;
}

function textOf(name: string, { max }: PropertyRule, value: unknown): string {
  if (max === null) {
    if (typeof value === 'string' && bytesOfText(value).length <= PROPERTY_LENGTH_MAX) return value;
    throw invalidArgument(`${name} is text of at most ${PROPERTY_LENGTH_MAX} bytes`);
  }
  const number = value instanceof Date ? value.getTime() : value;
  if (Number.isSafeInteger(number) && (number as number) >= 0 && (number as number) <= max) {
    return String(number);
  }
  throw invalidArgument(`${name} is a whole number from 0 to ${max}, got ${String(value)}`);
}

/** A message to be published through an exchange. */
export interface RoutedMessage extends OutgoingMessage {
  /** What bindings are compared with: at most 255 bytes. Default empty. */
  routingKey?: string | undefined;
  /** Fails with `unroutable` if no binding takes it. Default false: it is dropped. */
  mandatory?: boolean | undefined;
}
