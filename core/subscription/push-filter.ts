/**
 * Push filter: which messages a subscription pushes. The others are settled without a push. Patterns and headers mean what they
 * mean to a topic exchange and to a headers exchange.
 */

import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { ROUTING_KEY_HEADER } from '../../protocol/schemas/messages.ts';
import type { PushFilter } from '../../protocol/schemas/subscriptions.ts';
import type { Binding } from '../exchange/binding.ts';
import type { BindingIndex, RoutedMessage } from '../exchange/exchange.ts';
import { routedHeaders } from '../exchange/routed-headers.ts';
import { HeadersIndex } from '../exchange/types/headers.ts';
import { TopicIndex } from '../exchange/types/topic.ts';

const decoder = new TextDecoder();

/** @param filter null or absent: all messages are pushed */
export function filterOf(filter: PushFilter | null | undefined): (record: LogRecord) => boolean {
  const binding: Binding = {
    id: 'filter',
    source: '',
    destination: { kind: 'queue', name: '' },
    routing_key: filter?.routing_key ?? '',
    arguments: filter?.headers ?? {},
  };
  const indexes: BindingIndex[] = [];
  if (filter?.routing_key !== undefined) indexes.push(new TopicIndex());
  if (filter?.headers !== undefined) indexes.push(new HeadersIndex());
  for (const index of indexes) index.add(binding);
  if (indexes.length === 0) return () => true;
  return (record) => {
    const message = { routingKey: routingKeyOf(record), headers: routedHeaders(record.headers) };
    return indexes.every((index) => takes(index, message));
  };
}

function takes(index: BindingIndex, message: RoutedMessage): boolean {
  let isTaken = false;
  index.match(message, () => (isTaken = true));
  return isTaken;
}

/** The routing key that it was published with; of one that came through no exchange, its key. */
function routingKeyOf({ headers, key }: LogRecord): string {
  const routingKey = headers.find((header) => header.key === ROUTING_KEY_HEADER)?.value ?? key;
  return routingKey === null ? '' : decoder.decode(routingKey);
}
