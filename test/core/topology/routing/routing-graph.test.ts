/** The routing graph of a router, kept by changes, as one that was built from a snapshot. */

import { describe, expect, it } from 'vitest';
import type { Binding, BindingArguments } from '../../../../core/exchange/binding.ts';
import { route } from '../../../../core/exchange/route.ts';
import type { ExchangeDefinition } from '../../../../core/topology/exchanges.ts';
import { RoutingGraph, type TopologyChange } from '../../../../core/topology/routing/routing-graph.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';
import { bindingOf } from '../../exchange/helpers.ts';

const exchange = (name: string, type: ExchangeDefinition['type'] = 'direct'): ExchangeDefinition => ({
  name,
  type,
  internal: false,
  alternate_exchange: null,
  hash_header: null,
  auto_delete: false,
  version: 1,
});
const binding = (
  source: string,
  kind: 'queue' | 'topic' | 'exchange',
  name: string,
  args: BindingArguments = {},
): Binding => bindingOf({ source, destination: { kind, name }, routing_key: 'k', arguments: args });
const bound = binding('x', 'queue', 'q');

const CHANGES: Record<string, TopologyChange> = {
  queue: { put: 'queue', name: 'q' },
  topic: { put: 'topic', name: 't' },
  exchange: { put: 'exchange', exchange: exchange('x') },
  bound: { put: 'bindings', bindings: [bound] },
  'bound to topic': { put: 'bindings', bindings: [binding('x', 'topic', 't')] },
  unbound: { put: 'other' },
  'removed binding': { removed: 'binding', id: bound.id },
  'removed queue': { removed: 'queue', name: 'q' },
  'removed topic': { removed: 'topic', name: 't' },
  'removed exchange': { removed: 'exchange', name: 'x' },
  other: { put: 'other' },
};

/** What a message of key `k` through exchange x reaches. */
const ROWS = rowsOf<'changes' | 'reaches' | 'because'>(`
  changes                                                    | reaches    | because
                                                             | none       | there is no exchange
  exchange                                                   | nobody     | nothing is bound
  queue, exchange, bound                                     | q          | the queue is
  queue, exchange, bound, bound                              | q          | a change that comes twice changes nothing
  queue, topic, exchange, bound, bound to topic              | q t        | both are
  queue, bound                                               | none       | a binding of an exchange that is not there is left out
  queue, exchange, bound, removed binding                    | nobody     | the binding is gone
  queue, exchange, bound, removed queue                      | nobody     | the queue takes it with it
  queue, exchange, bound, removed queue, queue               | nobody     | and does not bring it back
  topic, exchange, bound to topic, removed topic             | nobody     | nor does a topic
  queue, exchange, bound, removed exchange                   | none       | an exchange takes those from it
  queue, exchange, bound, removed exchange, exchange         | nobody     | for good
  queue, exchange, bound, other                              | q          | what routing does not see changes nothing
`);

function reached(graph: RoutingGraph, source = 'x', headers: Record<string, string> = {}): string {
  const routed = route(graph.table, source, { routingKey: 'k', headers });
  if ('refused' in routed) return 'none';
  return routed.destinations.map(({ name }) => name).join(' ') || 'nobody';
}

describe('a routing graph', () => {
  it.each(ROWS)('after "$changes" reaches $reaches: $because', ({ changes, reaches }) => {
    const graph = new RoutingGraph();
    for (const name of changes.split(', ')) if (name !== '') graph.apply(CHANGES[name]!);
    expect(reached(graph)).toBe(reaches);
  });

  it('from the pages of a snapshot is the same', () => {
    const graph = new RoutingGraph();
    const names = {
      queues: ['q'],
      exchanges: [exchange('x'), { ...exchange('amq.direct'), version: 0 }],
    };
    expect(graph.applyPage({ names, bindingsJson: JSON.stringify([bound]) })).toBe(1);
    expect(graph.applyPage({ names: null, bindingsJson: JSON.stringify([binding('x', 'topic', 't')]) })).toBe(
      1,
    );
    expect(reached(graph)).toBe('q t');
  });

  it.each<[BindingArguments, Record<string, string>, boolean, string]>([
    [{ n: 5 }, { n: '5' }, true, 'headers are text, so arguments are compared as text'],
    [{ n: true }, { n: 'true' }, true, 'whatever they are'],
    [{ n: null }, { n: 'any' }, true, 'null asks for presence only'],
    [{ n: null }, {}, false, 'but for that'],
    [{ n: 5 }, { n: '5.0' }, false, 'in one spelling'],
  ])('of headers %j takes %j: %s, %s', (args, headers, isTaken) => {
    const graph = new RoutingGraph();
    graph.apply({ put: 'queue', name: 'q' });
    graph.apply({ put: 'exchange', exchange: exchange('h', 'headers') });
    graph.apply({ put: 'bindings', bindings: [binding('h', 'queue', 'q', args)] });
    expect(reached(graph, 'h', headers)).toBe(isTaken ? 'q' : 'nobody');
  });
});
