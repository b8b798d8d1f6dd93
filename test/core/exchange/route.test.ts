import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Destination } from '../../../core/exchange/binding.ts';
import { PREDECLARED_EXCHANGES, type Exchange, type ExchangeType } from '../../../core/exchange/exchange.ts';
import { route } from '../../../core/exchange/route.ts';
import { RoutingTable } from '../../../core/exchange/routing-table.ts';
import { bindingOf, exchange, message, queue, topic } from './helpers.ts';

function declared(name: string, type: ExchangeType, more: Partial<Exchange> = {}): Exchange {
  return { name, type, internal: false, alternate_exchange: null, hash_header: null, ...more };
}

function tableWith(
  exchanges: Exchange[],
  bindings: [from: string, to: Destination, key?: string][],
): RoutingTable {
  const table = new RoutingTable((name) => name.startsWith('q'));
  for (const each of exchanges) table.declare(each);
  for (const [source, destination, routing_key = ''] of bindings) {
    table.bind(bindingOf({ source, destination, routing_key, arguments: {} }));
  }
  return table;
}

/** Where a message goes, as sorted `kind/name`. */
function sent(table: RoutingTable, to: string, key = ''): string[] {
  const routed = route(table, to, message(key));
  if ('refused' in routed) return [routed.refused];
  return routed.destinations.map(({ kind, name }) => `${kind}/${name}`).toSorted();
}

describe('routing', () => {
  test('reaches queues and topics with one publish', () => {
    const table = tableWith(
      [declared('x', 'topic')],
      [
        ['x', queue('q'), 'orders.*'],
        ['x', topic('log'), '#'],
      ],
    );
    expect(sent(table, 'x', 'orders.created')).toEqual(['queue/q', 'topic/log']);
    expect(sent(table, 'x', 'bills')).toEqual(['topic/log']);
  });

  test('asks for each further key, and gives one copy to a destination', () => {
    const table = tableWith(
      [
        declared('x', 'direct', { alternate_exchange: 'other' }),
        declared('y', 'topic'),
        declared('other', 'fanout'),
      ],
      [
        ['x', queue('q'), 'a'],
        ['x', queue('q'), 'b'],
        ['x', { kind: 'exchange', name: 'y' }, 'b'],
        ['y', topic('log'), 'c'],
        ['other', queue('q-other')],
      ],
    );
    const to = (routingKey: string, ...furtherKeys: string[]): unknown =>
      route(table, 'x', { routingKey, furtherKeys, headers: {} });
    expect(to('none', 'a', 'b', 'c')).toEqual({ destinations: [queue('q'), topic('log')] });
    expect(to('none', 'nothing')).toEqual({ destinations: [queue('q-other')] });
  });

  test('gives one copy to a destination, however many bindings and paths lead to it', () => {
    const table = tableWith(
      [declared('x', 'topic'), declared('y', 'fanout')],
      [
        ['x', queue('q'), '#'],
        ['x', queue('q'), 'a.*'],
        ['x', exchange('y'), 'a.#'],
        ['y', queue('q')],
      ],
    );
    expect(sent(table, 'x', 'a.b')).toEqual(['queue/q']);
  });

  test('keeps apart a queue and a topic of one name', () => {
    const table = tableWith(
      [declared('x', 'fanout')],
      [
        ['x', queue('same')],
        ['x', topic('same')],
      ],
    );
    expect(sent(table, 'x')).toEqual(['queue/same', 'topic/same']);
  });

  test('ends on cycles', () => {
    const table = tableWith(
      [declared('x', 'fanout'), declared('y', 'fanout')],
      [
        ['x', exchange('x')],
        ['x', exchange('y')],
        ['y', exchange('x')],
        ['y', queue('q')],
      ],
    );
    expect(sent(table, 'x')).toEqual(['queue/q']);
  });

  test('through the default exchange reaches the queue of that name', () => {
    const table = tableWith([], []);
    expect(sent(table, '', 'q7')).toEqual(['queue/q7']);
    expect(sent(table, '', 'missing')).toEqual([]);
  });

  test.each(PREDECLARED_EXCHANGES.slice(1).map(({ name }) => [name]))(
    '%s is there from the start',
    (name) => {
      expect(sent(tableWith([], [[name, queue('q'), 'k']]), name, 'k')).toEqual(['queue/q']);
    },
  );

  test('refuses an exchange that does not exist and one that is internal', () => {
    const table = tableWith(
      [declared('x', 'fanout'), declared('inner', 'fanout', { internal: true })],
      [
        ['x', exchange('inner')],
        ['inner', queue('q')],
      ],
    );
    expect(sent(table, 'missing')).toEqual(['exchange_not_found']);
    expect(sent(table, 'inner')).toEqual(['exchange_internal']);
    expect(sent(table, 'x')).toEqual(['queue/q']);
  });
});

describe('the alternate exchange', () => {
  const spare = declared('spare', 'fanout');

  test('takes what no binding takes, and only that', () => {
    const table = tableWith(
      [declared('x', 'direct', { alternate_exchange: 'spare' }), spare],
      [
        ['x', queue('q'), 'k'],
        ['spare', queue('rest')],
      ],
    );
    expect(sent(table, 'x', 'k')).toEqual(['queue/q']);
    expect(sent(table, 'x', 'other')).toEqual(['queue/rest']);
  });

  test('is asked for each exchange on the way, though others found somebody', () => {
    const table = tableWith(
      [declared('x', 'fanout'), declared('y', 'direct', { alternate_exchange: 'spare' }), spare],
      [
        ['x', queue('q')],
        ['x', exchange('y')],
        ['spare', queue('rest')],
      ],
    );
    expect(sent(table, 'x', 'k')).toEqual(['queue/q', 'queue/rest']);
  });

  test('is not asked when a binding leads to an exchange that finds nobody', () => {
    const table = tableWith(
      [declared('x', 'fanout', { alternate_exchange: 'spare' }), declared('y', 'direct'), spare],
      [
        ['x', exchange('y')],
        ['spare', queue('rest')],
      ],
    );
    expect(sent(table, 'x')).toEqual([]);
  });

  test('may have one itself, and may form a cycle', () => {
    const table = tableWith(
      [
        declared('x', 'direct', { alternate_exchange: 'y' }),
        declared('y', 'direct', { alternate_exchange: 'z' }),
        declared('z', 'direct', { alternate_exchange: 'x' }),
      ],
      [['z', queue('q'), 'k']],
    );
    expect(sent(table, 'x', 'k')).toEqual(['queue/q']);
    expect(sent(table, 'x', 'other')).toEqual([]);
  });

  test('may be internal, be missing, or be the default exchange', () => {
    const table = tableWith(
      [
        declared('a', 'direct', { alternate_exchange: 'inner' }),
        declared('b', 'direct', { alternate_exchange: 'missing' }),
        declared('c', 'direct', { alternate_exchange: '' }),
        declared('inner', 'fanout', { internal: true }),
      ],
      [['inner', queue('rest')]],
    );
    expect(sent(table, 'a')).toEqual(['queue/rest']);
    expect(sent(table, 'b')).toEqual([]);
    expect(sent(table, 'c', 'q1')).toEqual(['queue/q1']);
  });
});

test('on any graph each destination comes once, and exactly those that can be reached', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const destination = fc.oneof(name.map(exchange), name.map(queue), name.map(topic));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, destination), { maxLength: 30, size: 'max' }), (edges) => {
      const fanouts = ['a', 'b', 'c', 'd'].map((each) => declared(each, 'fanout'));
      const found = sent(tableWith(fanouts, edges), 'a');
      const reached = new Set(['exchange/a']);
      for (let before = 0; before < reached.size;) {
        before = reached.size;
        for (const [from, to] of edges)
          if (reached.has(`exchange/${from}`)) reached.add(`${to.kind}/${to.name}`);
      }
      expect(found).toEqual([...reached].filter((each) => !each.startsWith('exchange/')).toSorted());
    }),
    { numRuns: 500 },
  );
});
