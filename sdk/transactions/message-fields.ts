/** Messages as the fields of a request: the same bytes as the publisher would send, written as base64. */

import { messageHeaders, orderingKeyBytes } from '../message-input.ts';
import type { RoutedMessage } from '../publisher/publisher.ts';
import { recordHeaders, valueBytes } from '../record-input.ts';
import { toWire } from '../wire.ts';

/** A message as the publisher takes it, for the body of a request. */
export function messageFields(message: RoutedMessage): object {
  messageHeaders(message); // refuses what the broker would refuse
  const headers: Record<string, unknown[]> = {};
  for (const { key, value } of recordHeaders(message.headers)) (headers[key] ??= []).push(bytesField(value));
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message.properties ?? {})) {
    if (value === undefined) continue;
    if (name === 'orderingKey') properties[name] = bytesField(orderingKeyBytes(value as string | Uint8Array));
    else properties[name] = value instanceof Date ? value.getTime() : value;
  }
  const { routingKey, mandatory } = message;
  return {
    body: bytesField(valueBytes(message.body)),
    headers,
    // The ordering key last: its bytes are no fields to be renamed.
    properties: {
      ...toWire({ ...properties, orderingKey: undefined }),
      ordering_key: properties['orderingKey'],
    },
    ...(routingKey !== undefined && { routing_key: routingKey }),
    ...(mandatory !== undefined && { mandatory }),
  };
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
