/** Push messages: messages of a queue or records of a topic, as a subscription holds them until they are settled. */

import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import { murmur2 } from '../../protocol/murmur2.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { PROPERTY_HEADERS, textHeader } from '../../protocol/schemas/messages.ts';

/** Where a message comes from, as requests name it. */
export type PushOrigin =
  | { readonly kind: 'queue'; readonly name: string }
  | { readonly kind: 'topic'; readonly name: string; readonly partition: number };

export interface PushMessage {
  /** The same for each attempt, however long the message has waited between: what the endpoint deduplicates by. */
  readonly id: string;
  readonly origin: PushOrigin;
  readonly record: LogRecord;
  /** Which attempt this is: from 1. */
  readonly attempt: number;
  readonly bytes: number;
  /** Numbers that grow from message to message, by which a queue that it is stored in takes it once; absent: there are none. */
  readonly numbered?: { readonly by: string; readonly number: number };
}

const encoder = new TextEncoder();

/** A message that shows the endpoint the format of the subscription. It comes from no queue, and is settled nowhere. */
export function testMessage(
  { config: { source } }: SubscriptionDefinition,
  id: string,
  nowMs: number,
): PushMessage {
  const value = encoder.encode('{"test":true}');
  const headers = [textHeader(PROPERTY_HEADERS.type, TEST_TYPE)];
  return {
    id,
    origin:
      'queue' in source
        ? { kind: 'queue', name: source.queue }
        : { kind: 'topic', name: source.topic, partition: 0 },
    record: { offset: 0, timestamp: nowMs, key: null, value, headers },
    attempt: 1,
    bytes: value.length,
  };
}

/** The type of test messages. */
const TEST_TYPE = 'posthorn.test';

/** Of headers and of what is kept beside, about. */
const OVERHEAD_BYTES = 500;

/** What a message takes in memory, about. */
export function bytesOf({ key, value }: LogRecord): number {
  return (value?.length ?? 0) + (key?.length ?? 0) + OVERHEAD_BYTES;
}

/** Returns a short name of a queue or topic, for ids: those of two namespaces differ by chance. */
export function placeOf(namespace: string, name: string): string {
  return (murmur2(encoder.encode(`${namespace}/${name}`)) >>> 0).toString(36);
}

/** Names a request: that of its message, or one that stands for exactly these. */
export function requestIdOf(messages: readonly PushMessage[]): string {
  const [first] = messages;
  if (messages.length === 1) return first!.id;
  const all = murmur2(encoder.encode(messages.map(({ id }) => id).join(' '))) >>> 0;
  return `${first!.id}_${messages.length}_${all.toString(36)}`;
}
