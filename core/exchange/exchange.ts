/**
 * An exchange decides where a message goes: what one is, what its type must be able to do, and which exist from the
 * start.
 */

import type { Binding, Destination } from './binding.ts';
import type { Json } from './canonical-json.ts';

export const EXCHANGE_TYPES = ['direct', 'fanout', 'topic', 'headers', 'consistent-hash'] as const;
export type ExchangeType = (typeof EXCHANGE_TYPES)[number];

export interface Exchange {
  readonly name: string;
  readonly type: ExchangeType;
  /** An internal exchange takes messages from other exchanges only. Default false. */
  readonly internal: boolean;
  /** Where a message goes that no binding of this exchange takes. Null, the default: nowhere. */
  readonly alternate_exchange: string | null;
  /** Consistent hash only: the header to hash instead of the routing key. Default null. */
  readonly hash_header: string | null;
}

/** What routing looks at. The body is never part of it. */
export interface RoutedMessage {
  readonly routingKey: string;
  /** Other keys by which it is routed too. Each destination gets it once. */
  readonly furtherKeys?: readonly string[];
  readonly headers: { readonly [name: string]: Json };
}

/** The bindings of one exchange, arranged when they change so that a message looks at few of them. */
export interface BindingIndex {
  /** Adds a binding that is not in it. */
  add(binding: Binding): void;
  /** Removes a binding that is in it, and whatever only that binding needed. */
  remove(binding: Binding): void;
  /** Calls `visit` for the destination of every binding that takes the message, perhaps more than once for one. */
  match(message: RoutedMessage, visit: (destination: Destination) => void): void;
}

/** The default exchange: every queue is bound to it under its own name, and nothing else can be. */
export const DEFAULT_EXCHANGE = '';

const predeclared = (name: string, type: ExchangeType): Exchange => ({
  name,
  type,
  internal: false,
  alternate_exchange: null,
  hash_header: null,
});

/** Those that AMQP 0-9-1 asks for (section 3.1.3), with RabbitMQ's `amq.match`. They cannot be changed or deleted. */
export const PREDECLARED_EXCHANGES: readonly Exchange[] = [
  predeclared(DEFAULT_EXCHANGE, 'direct'),
  predeclared('amq.direct', 'direct'),
  predeclared('amq.fanout', 'fanout'),
  predeclared('amq.topic', 'topic'),
  predeclared('amq.headers', 'headers'),
  predeclared('amq.match', 'headers'),
];

/** Names that only the broker gives: the default exchange's and all that begin with `amq.`. */
export function isReservedExchangeName(name: string): boolean {
  return name === DEFAULT_EXCHANGE || name.startsWith('amq.');
}
