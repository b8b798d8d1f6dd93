/** Message fields of a request: the same bytes that the publisher would send, as base64. */

import {
  messageHeaders,
  orderingKeyBytes,
  type MessageProperties,
  type OutgoingMessage,
  type RoutedMessage,
} from './message-input.ts';
import { recordHeaders, valueBytes } from './record-input.ts';
import { toWire } from '../client/wire.ts';

/** A message as the publisher takes it, for the body of a request. */
export function messageFields(message: RoutedMessage): object {
  const { routingKey, mandatory, body } = message;
  return {
    ...changeFields({ ...message, body: body ?? null, properties: message.properties ?? {} }),
    ...(routingKey !== undefined && { routing_key: routingKey }),
    ...(mandatory !== undefined && { mandatory }),
  };
}

/** The parts of a message that are given; the others are left out. */
export function changeFields({ body, headers, properties }: Partial<OutgoingMessage>): object {
  messageHeaders({ body: null, headers, properties }); // refuses what the broker would refuse
  return {
    ...(body !== undefined && { body: bytesField(valueBytes(body)) }),
    ...(headers !== undefined && { headers: headerFields(headers) }),
    ...(properties !== undefined && { properties: propertyFields(properties) }),
  };
}

/** Made from entries, because a header may be named `__proto__` or like an inherited member. */
function headerFields(headers: OutgoingMessage['headers']): object {
  const byName = Map.groupBy(recordHeaders(headers), ({ key }) => key);
  return Object.fromEntries(
    [...byName].map(([name, list]) => [name, list.map(({ value }) => bytesField(value))]),
  );
}

function propertyFields({ orderingKey, ...rest }: MessageProperties): object {
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined) properties[name] = value instanceof Date ? value.getTime() : value;
  }
  // The ordering key is separate, because its bytes must not be renamed like fields.
  const key = orderingKeyBytes(orderingKey);
  return { ...toWire(properties), ...(key !== null && { ordering_key: bytesField(key) }) };
}

function bytesField(bytes: Uint8Array | null): { $base64: string } | null {
  if (bytes === null) return null;
  let binary = '';
  const step = 8_192; // below the argument limit of every engine
  for (let at = 0; at < bytes.length; at += step) {
    binary += String.fromCharCode(...bytes.subarray(at, at + step));
  }
  return { $base64: btoa(binary) };
}
