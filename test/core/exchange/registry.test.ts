/** Exchange types as a table: which messages a binding of each type takes, and which bindings it refuses. */

import { describe, expect, it } from 'vitest';
import type { BindingArguments } from '../../../core/exchange/binding.ts';
import { EXCHANGE_TYPES, PREDECLARED_EXCHANGES, type ExchangeType } from '../../../core/exchange/exchange.ts';
import { checkBinding, newIndex } from '../../../core/exchange/registry.ts';
import { RoutingTable } from '../../../core/exchange/routing-table.ts';
import { route } from '../../../core/exchange/route.ts';
import { rowsOf } from '../../support/tables/text-table.ts';
import { bindingOf, exchange, matched, queue } from './helpers.ts';

/** Arguments and headers are JSON without the braces. */
const TAKES = rowsOf<'type' | 'bound' | 'key' | 'headers' | 'takes' | 'because'>(`
  type            | bound     | key    | headers          | takes | because
  direct          | a         | a      |                  | yes   | the keys are equal
  direct          | a         | b      |                  | no    | they are not
  direct          | a.*       | a.b    |                  | no    | a star is a letter like others here
  direct          |           |        |                  | yes   | also empty ones are equal
  fanout          | a         | b      |                  | yes   | keys do not count
  topic           | a.*       | a.b    |                  | yes   | a star is one word
  topic           | a.*       | a      |                  | no    | not none
  topic           | a.*       | a.b.c  |                  | no    | nor two
  topic           | a.#       | a.b.c  |                  | yes   | a hash is any number of words
  topic           | a.#       | a      |                  | yes   | or none
  topic           | #         |        |                  | yes   | even of no word
  topic           | *         |        |                  | no    | a star asks for a word, which an empty key has not
  headers         | {"x-match":"all","a":"1","b":"2"} | | {"a":"1","b":"2"} | yes | all are equal
  headers         | {"x-match":"all","a":"1","b":"2"} | | {"a":"1"}         | no  | one is missing
  headers         | {"x-match":"any","a":"1","b":"2"} | | {"a":"1"}         | yes | one is enough
  headers         | {"x-match":"any","a":"1"}         | | {"a":"2"}         | no  | if it is equal
  headers         | {"a":"1"} |        | {"a":"1","c":"3"} | yes  | all, where nothing is said
  consistent-hash | 1         | any    |                  | yes   | the only binding takes all
`);

const REFUSALS = rowsOf<'type' | 'key' | 'args' | 'refused' | 'because'>(`
  type            | key   | args                | refused       | because
  direct          | a     |                     |               | any key will do
  fanout          |       |                     |               | or none
  topic           | a.*.# |                     |               | or a pattern
  headers         |       | {"x-match":"all"}   |               | all of nothing
  headers         |       | {"x-match":"some"}  | invalid_field | there is no such match
  consistent-hash | 10    |                     |               | a weight
  consistent-hash | heavy |                     | invalid_field | this is none
  consistent-hash | 0     |                     | invalid_field | nor this
`);

describe('an exchange', () => {
  it.each(TAKES)('$type bound with "$bound" takes "$key" $headers: $takes, $because', (row) => {
    const isHeaders = row.type === 'headers';
    const index = newIndex({ ...PREDECLARED_EXCHANGES[1]!, name: 'x', type: row.type as ExchangeType });
    index.add(
      bindingOf({
        source: 'x',
        destination: queue('q'),
        routing_key: isHeaders ? '' : row.bound,
        arguments: isHeaders ? (JSON.parse(row.bound) as BindingArguments) : {},
      }),
    );
    const headers = row.headers === '' ? {} : (JSON.parse(row.headers) as Record<string, string>);
    expect(matched(index, { routingKey: row.key, headers })).toEqual(row.takes === 'yes' ? ['q'] : []);
  });

  it.each(REFUSALS)(
    '$type with "$key" $args is refused: "$refused", $because',
    ({ type, key, args, refused }) => {
      const declaration = {
        source: 'x',
        destination: queue('q'),
        routing_key: key,
        arguments: args === '' ? {} : (JSON.parse(args) as BindingArguments),
      };
      expect(checkBinding(type as ExchangeType, declaration)?.code ?? '').toBe(refused);
    },
  );

  it('has every type in both tables', () => {
    for (const rows of [TAKES, REFUSALS])
      expect(new Set(rows.map(({ type }) => type))).toEqual(new Set(EXCHANGE_TYPES));
  });

  it('by default takes no bindings, from it or to it', () => {
    const declared = { source: 'x', destination: queue('q'), routing_key: '', arguments: {} };
    expect(checkBinding('direct', { ...declared, source: '' })?.code).toBe('invalid_field');
    expect(checkBinding('direct', { ...declared, destination: exchange('') })?.code).toBe('invalid_field');
  });

  it('refuses a message where there is none, or where it is internal', () => {
    const table = new RoutingTable(() => true);
    table.declare({ ...PREDECLARED_EXCHANGES[1]!, name: 'inside', internal: true });
    const sent = { routingKey: 'k', headers: {} };
    expect(route(table, 'gone', sent)).toEqual({ refused: 'exchange_not_found' });
    expect(route(table, 'inside', sent)).toEqual({ refused: 'exchange_internal' });
    expect(route(table, 'inside', sent, true)).toEqual({ destinations: [] });
  });
});
