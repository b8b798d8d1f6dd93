/**
 * A routing graph with messages to send through it: what the vectors hold, and what the comparison with RabbitMQ
 * generates. Queues are implied by the bindings that name them; those of the predeclared exchanges need no declaration.
 */

import type { BindingDeclaration } from '../../../core/exchange/binding.ts';
import type { Exchange, RoutedMessage } from '../../../core/exchange/exchange.ts';
import { route } from '../../../core/exchange/route.ts';
import { RoutingTable } from '../../../core/exchange/routing-table.ts';
import { bindingOf } from './helpers.ts';

export interface RoutingCase {
  exchanges: Pick<Exchange, 'name' | 'type' | 'internal' | 'alternate_exchange'>[];
  bindings: BindingDeclaration[];
  /** Bindings that are removed again before the messages are sent, by their place in `bindings`. */
  unbound: number[];
  messages: ({ exchange: string } & RoutedMessage)[];
}

/** Per message the queues that get it, sorted; none: it is unroutable. */
export type RoutingAnswer = string[][];

export interface RoutingVector {
  case: RoutingCase;
  /** What RabbitMQ did. */
  answer: RoutingAnswer;
}

export const QUEUE_NAMES = Array.from({ length: 24 }, (_, number) => `q${number}`);

export function tableOf({ exchanges, bindings, unbound }: RoutingCase): RoutingTable {
  const table = new RoutingTable((name) => QUEUE_NAMES.includes(name));
  for (const exchange of exchanges) table.declare({ ...exchange, hash_header: null });
  for (const binding of bindings) table.bind(bindingOf(binding));
  for (const number of unbound) table.unbind(bindingOf(bindings[number]!).id);
  return table;
}

export function ownAnswer(routingCase: RoutingCase): RoutingAnswer {
  const table = tableOf(routingCase);
  return routingCase.messages.map(({ exchange, ...message }) => {
    const routed = route(table, exchange, message);
    if ('refused' in routed) throw new Error(`${exchange}: ${routed.refused}`);
    return routed.destinations.map(({ name }) => name).toSorted();
  });
}
