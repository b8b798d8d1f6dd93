/** Message routing: finds the destinations of each message of a publish, and the messages of each destination. */

import type { Destination } from '../../core/exchange/binding.ts';
import { batchesByDestination, type DestinationBatch } from '../../core/exchange/destination-batches.ts';
import { route } from '../../core/exchange/route.ts';
import type { RoutingGraph } from '../../core/topology/routing/routing-graph.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { PUBLISH_COPIES_MAX } from '../../protocol/limits.ts';
import { DEFAULT_EXCHANGE_PATH } from '../../protocol/schemas/exchanges.ts';
import type { Outgoing } from './outgoing.ts';

export function routeMessages(
  graph: RoutingGraph,
  exchange: string,
  outgoing: readonly Outgoing[],
): DestinationBatch[] | Failure {
  const destinations: (readonly Destination[])[] = [];
  let copies = 0;
  for (const { message } of outgoing) {
    const routed = route(graph.table, exchange, message);
    if ('refused' in routed) return routeRefusal(routed.refused, exchange);
    copies += routed.destinations.length;
    if (copies > PUBLISH_COPIES_MAX && outgoing.length > 1) return tooWide(Math.max(destinations.length, 1));
    destinations.push(routed.destinations);
  }
  return batchesByDestination(destinations);
}

/** @param fit how many of the messages may be sent at once */
function tooWide(fit: number): Failure {
  const message = `the messages go to more than ${PUBLISH_COPIES_MAX} destinations in all; send at most ${fit} at once`;
  return failure('publish_too_wide', message, {
    copies_max: PUBLISH_COPIES_MAX,
    messages_max: fit,
  });
}

export function routeRefusal(code: 'exchange_not_found' | 'exchange_internal', exchange: string): Failure {
  const name = exchange === '' ? DEFAULT_EXCHANGE_PATH : exchange;
  return code === 'exchange_internal'
    ? failure(code, `exchange "${name}" is internal: only other exchanges send to it`)
    : failure(code, `there is no exchange "${name}"; PUT creates it`);
}
