/**
 * Routing: the walk over the routing graph that finds the destinations of a message, as RabbitMQ's
 * `rabbit_exchange:route/2` does.
 *
 * - Each exchange is asked once, so that cycles end, and each destination gets one copy, however many bindings lead to it.
 * - An exchange none of whose own bindings takes the message hands it to its alternate exchange
 *   (https://www.rabbitmq.com/docs/ae). This holds for every exchange on the way; a binding to an exchange that then finds
 *   nobody counts as taken. An alternate exchange that does not exist is as none.
 * - The default exchange may be an alternate too, and then reaches the queue that the routing key names; in RabbitMQ 3.10 it
 *   reaches nobody, because its bindings are implied at publishing only.
 * - Internal exchanges refuse messages from outside, never from other exchanges.
 */

import type { Destination } from './binding.ts';
import { Distinct } from './index/distinct.ts';
import type { Exchange, RoutedMessage } from './exchange.ts';
import type { RoutingTable } from './routing-table.ts';

export interface Routed {
  /** Queues and topics, each once, in an order that depends on the order of the bindings. */
  readonly destinations: readonly Destination[];
}

export type RouteRefusal = { readonly refused: 'exchange_not_found' | 'exchange_internal' };

/** @param isBrokers true if the broker itself publishes, whom internal exchanges do not refuse: a dead letter */
export function route(
  table: RoutingTable,
  exchangeName: string,
  message: RoutedMessage,
  isBrokers = false,
): Routed | RouteRefusal {
  const exchange = table.exchange(exchangeName);
  if (exchange === null) return { refused: 'exchange_not_found' };
  if (exchange.internal && !isBrokers) return { refused: 'exchange_internal' };
  return { destinations: destinationsFrom(table, exchange, message) };
}

function destinationsFrom(
  table: RoutingTable,
  start: Exchange,
  message: RoutedMessage,
): readonly Destination[] {
  const found = new Distinct<Destination>();
  const asked = new Distinct<Exchange>();
  const ask = (name: string): void => {
    const exchange = table.exchange(name);
    if (exchange !== null) asked.add(exchange);
  };
  asked.add(start);
  for (const { name, alternate_exchange } of asked.items) {
    let isTaken = false;
    const take = (destination: Destination): void => {
      isTaken = true;
      if (destination.kind === 'exchange') ask(destination.name);
      else found.add(destination);
    };
    table.match(name, message, take);
    for (const routingKey of message.furtherKeys ?? [])
      table.match(name, { routingKey, headers: message.headers }, take);
    if (!isTaken && alternate_exchange !== null) ask(alternate_exchange);
  }
  return found.items;
}
