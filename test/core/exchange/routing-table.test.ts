import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Binding, Destination } from '../../../core/exchange/binding.ts';
import { EXCHANGE_TYPES, type Exchange } from '../../../core/exchange/exchange.ts';
import { route } from '../../../core/exchange/route.ts';
import { RoutingTable } from '../../../core/exchange/routing-table.ts';
import { bindingOf, exchange, message, queue } from './helpers.ts';

const fanout: Exchange = {
  name: 'x',
  type: 'fanout',
  internal: false,
  alternate_exchange: null,
  hash_header: null,
};

const from = (source: string, destination: Destination, routing_key = '1'): Binding =>
  bindingOf({ source, destination, routing_key, arguments: {} });

function newTable(): RoutingTable {
  const table = new RoutingTable(() => true);
  table.declare(fanout);
  table.declare({ ...fanout, name: 'y' });
  return table;
}

test('the same binding twice is one', () => {
  const table = newTable();
  expect(table.bind(from('x', queue('q')))).toBe(true);
  expect(table.bind(from('x', queue('q')))).toBe(false);
  expect(table.bindingsFrom('x')).toHaveLength(1);
  const { id } = from('x', queue('q'));
  expect(table.unbind(id)).toEqual(from('x', queue('q')));
  expect(table.unbind(id)).toBeNull();
  expect(table.bindingsFrom('x')).toEqual([]);
});

test('a destination that goes takes its bindings along', () => {
  const table = newTable();
  for (const binding of [from('x', queue('q')), from('y', queue('q')), from('x', queue('r'))])
    table.bind(binding);
  expect(table.deleteDestination(queue('q'))).toEqual([from('x', queue('q')), from('y', queue('q'))]);
  expect(route(table, 'x', message(''))).toEqual({ destinations: [queue('r')] });
  expect(route(table, 'y', message(''))).toEqual({ destinations: [] });
});

test('an exchange that goes takes the bindings from it and to it along', () => {
  const table = newTable();
  const bindings = [from('x', exchange('x')), from('x', exchange('y')), from('y', exchange('x'))];
  for (const binding of [...bindings, from('y', queue('q'))]) table.bind(binding);
  expect(new Set(table.deleteExchange('x'))).toEqual(new Set(bindings));
  expect(table.exchange('x')).toBeNull();
  expect(table.bindingsFrom('y')).toEqual([from('y', queue('q'))]);
});

test('a definition may change under its bindings, but not what they are arranged by', () => {
  const table = newTable();
  table.bind(from('x', queue('q')));
  table.declare({ ...fanout, internal: true });
  expect(route(table, 'x', message(''))).toEqual({ refused: 'exchange_internal' });
  expect(() => table.declare({ ...fanout, type: 'topic' })).toThrow('bindings');
  table.unbind(from('x', queue('q')).id);
  table.declare({ ...fanout, type: 'topic' });
  expect(table.exchange('x')?.type).toBe('topic');
});

test('after any changes it routes as if built from what is left', () => {
  const destination = fc.constantFrom(queue('q'), queue('r'), exchange('x'), exchange('y'));
  const change = fc.record({
    what: fc.constantFrom('bind', 'bind', 'bind', 'unbind', 'drop'),
    source: fc.constantFrom('x', 'y'),
    destination,
    key: fc.constantFrom('1', '2', '3'),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...EXCHANGE_TYPES),
      fc.array(change, { maxLength: 40, size: 'max' }),
      (type, changes) => {
        const make = (bindings: Iterable<Binding>): RoutingTable => {
          const table = new RoutingTable(() => true);
          for (const name of ['x', 'y']) table.declare({ ...fanout, name, type });
          for (const binding of bindings) table.bind(binding);
          return table;
        };
        const table = make([]);
        const left = new Map<string, Binding>();
        for (const { what, source, destination: to, key } of changes) {
          const binding = from(source, to, key);
          if (what === 'bind') {
            expect(table.bind(binding)).toBe(!left.has(binding.id));
            left.set(binding.id, binding);
          } else if (what === 'unbind') {
            expect(table.unbind(binding.id) !== null).toBe(left.delete(binding.id));
          } else for (const { id } of table.deleteDestination(to)) left.delete(id);
        }
        const rebuilt = make(left.values());
        for (const key of ['1', '2', '']) {
          for (const start of ['x', 'y']) {
            const names = (one: RoutingTable): unknown => {
              const routed = route(one, start, message(key));
              return 'refused' in routed ? routed : routed.destinations.map(({ name }) => name).toSorted();
            };
            expect(names(table)).toEqual(names(rebuilt));
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
