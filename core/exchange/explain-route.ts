/** Explanation of a route: the walk of `route` with its steps, for people who ask why a message goes where it goes. */

import { destinationKey, type Destination } from './binding.ts';
import type { RoutedMessage } from './exchange.ts';
import { Distinct } from './index/distinct.ts';
import type { RouteRefusal } from './route.ts';
import type { RoutingTable } from './routing-table.ts';

/** One exchange on the way. Each is asked once, by whoever leads to it first. */
export interface RouteStep {
  exchange: string;
  by: 'publish' | 'binding' | 'alternate';
  /** The exchange that leads to it; null for the first. */
  from: string | null;
  /** Where its bindings send the message, each once: queues, topics and exchanges. */
  matched: readonly Destination[];
  /** The exchange that gets the message because no binding takes it; null: some binding does, or there is none. */
  alternate: string | null;
}

/**
 * Returns the exchanges that a message meets, in the order in which they are asked. The queues and topics among all
 * `matched` are the destinations that `route` finds.
 */
export function explainRoute(
  table: RoutingTable,
  exchangeName: string,
  message: RoutedMessage,
): RouteStep[] | RouteRefusal {
  const start = table.exchange(exchangeName);
  if (start === null) return { refused: 'exchange_not_found' };
  if (start.internal) return { refused: 'exchange_internal' };
  const steps: RouteStep[] = [];
  const asked = new Set([start.name]);
  const waiting: Pick<RouteStep, 'exchange' | 'by' | 'from'>[] = [
    { exchange: start.name, by: 'publish', from: null },
  ];
  const ask = (name: string, by: RouteStep['by'], from: string): void => {
    if (asked.has(name) || table.exchange(name) === null) return;
    asked.add(name);
    waiting.push({ exchange: name, by, from });
  };
  for (const step of waiting) {
    const matched = new Distinct<Destination>();
    table.match(step.exchange, message, (destination) => matched.add(destination));
    for (const { kind, name } of matched.items) if (kind === 'exchange') ask(name, 'binding', step.exchange);
    const { alternate_exchange: alternate } = table.exchange(step.exchange)!;
    const isHandedOn = matched.items.length === 0 && alternate !== null && table.exchange(alternate) !== null;
    if (isHandedOn) ask(alternate, 'alternate', step.exchange);
    steps.push({ ...step, matched: matched.items, alternate: isHandedOn ? alternate : null });
  }
  return steps;
}

/** Returns the queues and topics that the steps reach, each once. */
export function reachedBy(steps: readonly RouteStep[]): Destination[] {
  const reached = new Map<string, Destination>();
  for (const { matched } of steps)
    for (const destination of matched)
      if (destination.kind !== 'exchange') reached.set(destinationKey(destination), destination);
  return [...reached.values()];
}
