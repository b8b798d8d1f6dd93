/** Explained routes: the steps of the walk, and that they reach what a publish reaches. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Destination } from '../../../core/exchange/binding.ts';
import type { Exchange } from '../../../core/exchange/exchange.ts';
import { explainRoute, reachedBy } from '../../../core/exchange/explain-route.ts';
import { route } from '../../../core/exchange/route.ts';
import { RoutingTable } from '../../../core/exchange/routing-table.ts';
import { bindingOf, exchange, message, queue, topic } from './helpers.ts';

const declared = (name: string, more: Partial<Exchange> = {}): Exchange => ({
  name,
  type: 'direct',
  internal: false,
  alternate_exchange: null,
  hash_header: null,
  ...more,
});

function tableWith(exchanges: Exchange[], bindings: [from: string, to: Destination, key: string][]) {
  const table = new RoutingTable((name) => name.startsWith('q'));
  for (const each of exchanges) table.declare(each);
  for (const [source, destination, routing_key] of bindings)
    table.bind(bindingOf({ source, destination, routing_key, arguments: {} }));
  return table;
}

const textOf = ({ kind, name }: Destination): string => `${kind}/${name}`;

describe('an explained route', () => {
  it('names each exchange on the way, what led to it, and what it matched', () => {
    const table = tableWith(
      [declared('x'), declared('y', { alternate_exchange: 'rest' }), declared('rest', { type: 'fanout' })],
      [
        ['x', exchange('y'), 'k'],
        ['x', topic('log'), 'k'],
        ['y', queue('q1'), 'other'],
        ['rest', queue('q2'), ''],
        ['rest', exchange('x'), ''],
      ],
    );
    expect(explainRoute(table, 'x', message('k'))).toEqual([
      { exchange: 'x', by: 'publish', from: null, matched: [exchange('y'), topic('log')], alternate: null },
      { exchange: 'y', by: 'binding', from: 'x', matched: [], alternate: 'rest' },
      {
        exchange: 'rest',
        by: 'alternate',
        from: 'y',
        matched: [queue('q2'), exchange('x')],
        alternate: null,
      },
    ]);
  });

  it('names no alternate exchange that does not exist', () => {
    const table = tableWith([declared('x', { alternate_exchange: 'missing' })], []);
    expect(explainRoute(table, 'x', message('k'))).toEqual([
      { exchange: 'x', by: 'publish', from: null, matched: [], alternate: null },
    ]);
  });

  it('is refused as a publish is', () => {
    const table = tableWith([declared('inner', { internal: true })], []);
    expect(explainRoute(table, 'missing', message('k'))).toEqual({ refused: 'exchange_not_found' });
    expect(explainRoute(table, 'inner', message('k'))).toEqual({ refused: 'exchange_internal' });
  });

  it('reaches on any graph what a publish reaches', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const key = fc.constantFrom('', 'k');
    const to = fc.oneof(name.map(exchange), name.map(queue), name.map(topic));
    const alternates = fc.array(fc.option(fc.oneof(name, fc.constant(''))), { minLength: 4, maxLength: 4 });
    const edges = fc.array(fc.tuple(name, to, key), { maxLength: 20, size: 'max' });
    fc.assert(
      fc.property(edges, alternates, key, (bindings, spare, routingKey) => {
        const exchanges = ['a', 'b', 'c', 'd'].map((each, number) =>
          declared(each, { alternate_exchange: spare[number]! }),
        );
        const table = tableWith(exchanges, bindings);
        const steps = explainRoute(table, 'a', message(routingKey));
        const routed = route(table, 'a', message(routingKey));
        if ('refused' in steps || 'refused' in routed) throw new Error('refused');
        expect(reachedBy(steps).map(textOf).toSorted()).toEqual(routed.destinations.map(textOf).toSorted());
        expect(new Set(steps.map((step) => step.exchange)).size).toBe(steps.length);
      }),
      { numRuns: 500 },
    );
  });
});
