/** How many destinations the messages of one publish may reach in all, in plain Node. */

import { describe, expect, it } from 'vitest';
import { RoutingGraph } from '../../../core/topology/routing/routing-graph.ts';
import { PUBLISH_COPIES_MAX } from '../../../protocol/limits.ts';
import type { Outgoing } from '../../../workers/publish/outgoing.ts';
import { routeMessages } from '../../../workers/publish/route-messages.ts';

const QUEUES = 1_000;

function fanout(): RoutingGraph {
  const graph = new RoutingGraph();
  graph.apply({
    put: 'exchange',
    exchange: { name: 'all', type: 'fanout', alternate_exchange: null, internal: false, version: 1 } as never,
  });
  const bindings = Array.from({ length: QUEUES }, (_, number) => ({
    id: `b${number}`,
    source: 'all',
    destination: { kind: 'queue' as const, name: `q${number}` },
    routing_key: '',
    arguments: {},
  }));
  for (const { destination } of bindings) graph.apply({ put: 'queue', name: destination.name });
  graph.apply({ put: 'bindings', bindings: bindings as never });
  return graph;
}

const messages = (count: number): Outgoing[] =>
  Array.from({ length: count }, () => ({
    message: { routingKey: '', headers: {} },
    record: { key: null, value: null, headers: [], timestamp: 0 },
    isMandatory: false,
  }));

describe('messages that reach many destinations', () => {
  const graph = fanout();
  const fit = PUBLISH_COPIES_MAX / QUEUES;

  it('are routed up to a number of copies', () => {
    expect(routeMessages(graph, 'all', messages(fit))).toHaveLength(QUEUES);
  });

  it('are refused above it, with the number that fits', () => {
    expect(routeMessages(graph, 'all', messages(fit + 1))).toMatchObject({
      code: 'publish_too_wide',
      details: { messages_max: fit },
    });
  });

  it('are routed wherever one goes by itself', () => {
    expect(routeMessages(graph, 'all', messages(1))).toHaveLength(QUEUES);
  });
});
