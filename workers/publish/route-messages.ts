/** Message routing: finds the destinations of each message of a publish, and the messages of each destination. */

import { destinationKey, type Destination } from '../../core/exchange/binding.ts';
import { route } from '../../core/exchange/route.ts';
import type { RoutingGraph } from '../../core/topology/routing-graph.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { DEFAULT_EXCHANGE_PATH } from '../../protocol/schemas/exchanges.ts';
import type { Outgoing } from './outgoing.ts';

/** The messages of one destination. */
export interface DestinationBatch {
  destination: Destination;
  /** Places in the publish, in order. */
  indexes: number[];
}

export function routeMessages(
  graph: RoutingGraph,
  exchange: string,
  outgoing: readonly Outgoing[],
): DestinationBatch[] | Failure {
  const batches = new Map<string, DestinationBatch>();
  for (const [index, { message }] of outgoing.entries()) {
    const routed = route(graph.table, exchange, message);
    if ('refused' in routed) return refusal(routed.refused, exchange);
    for (const destination of routed.destinations) {
      const key = destinationKey(destination);
      const share = batches.get(key);
      if (share) share.indexes.push(index);
      else batches.set(key, { destination, indexes: [index] });
    }
  }
  return [...batches.values()];
}

function refusal(code: 'exchange_not_found' | 'exchange_internal', exchange: string): Failure {
  const name = exchange === '' ? DEFAULT_EXCHANGE_PATH : exchange;
  return code === 'exchange_internal'
    ? failure(code, `exchange "${name}" is internal: only other exchanges send to it`)
    : failure(code, `there is no exchange "${name}"; PUT creates it`);
}
