/**
 * Routing time at 10 and at 100,000 bindings, for the same number of matches: the ratio is the figure, the bar is 2.
 *
 *   node bench/routing.ts [--json]
 *
 * Both sizes take turns in one process, the order reversed each round; the ratio is that of the medians. Keys are spread
 * over all bindings ("spread", where the larger table also misses the processor's caches) or stay with ten of them ("hot").
 */

import { parseArgs } from 'node:util';
import { makeBinding, type BindingDeclaration } from '../core/exchange/binding.ts';
import type { ExchangeType, Message } from '../core/exchange/exchange.ts';
import { route } from '../core/exchange/route.ts';
import { RoutingTable } from '../core/exchange/routing-table.ts';

const SIZES = [10, 100_000];
const MESSAGES = 20_000;
const ROUNDS = 15;
const HOT_GROUPS = 5;

type How = Pick<BindingDeclaration, 'routing_key' | 'arguments'>;

/** Bindings come in pairs that take the messages of one group: every message has two matches. */
interface Workload {
  type: ExchangeType;
  pair: (group: number) => How[];
  message: (group: number) => Message;
}

const workloads: Record<string, Workload> = {
  'topic, literal first': {
    type: 'topic',
    pair: (group) => [`orders.${group}.*.created`, `orders.${group}.#`].map(pattern),
    message: (group) => ({ routingKey: `orders.${group}.eu.created`, headers: {} }),
  },
  'topic, # first': {
    type: 'topic',
    pair: (group) => [`#.g${group}.created`, `*.*.g${group}.#`].map(pattern),
    message: (group) => ({ routingKey: `orders.eu.g${group}.created`, headers: {} }),
  },
  direct: {
    type: 'direct',
    pair: (group) => [`g${group}`, `g${group}`].map(pattern),
    message: (group) => ({ routingKey: `g${group}`, headers: {} }),
  },
  headers: {
    type: 'headers',
    pair: (group): How[] => [
      { routing_key: '', arguments: { type: 'order', group } },
      { routing_key: '', arguments: { 'x-match': 'any', group, other: group } },
    ],
    message: (group) => ({ routingKey: '', headers: { type: 'order', group } }),
  },
};

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const results = Object.entries(workloads).flatMap(([name, workload]) => [
  measure(name, workload, 'spread'),
  measure(name, workload, 'hot'),
]);
if (options.json) console.log(JSON.stringify({ benchmark: 'routing', sizes: SIZES, results }, null, 2));
else
  for (const { name, keys, ratio, nsPerMessage } of results) {
    console.log(`${name}, ${keys} keys: ${nsPerMessage.join(' -> ')} ns a message, ratio ${ratio}`);
  }

function measure(name: string, workload: Workload, keys: 'spread' | 'hot') {
  const sides = SIZES.map((size) => ({
    table: tableOf(workload, size),
    messages: messagesOf(workload, keys === 'hot' ? HOT_GROUPS : size / 2),
    rounds: [] as number[],
  }));
  for (let round = 0; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? sides : sides.toReversed();
    for (const { table, messages, rounds } of order) rounds.push(nsPerMessage(table, messages));
  }
  const [small, large] = sides.map(({ rounds }) => median(rounds));
  return {
    name,
    keys,
    ratio: Number((large! / small!).toFixed(2)),
    nsPerMessage: [Math.round(small!), Math.round(large!)],
    rounds: sides.map(({ rounds }) => rounds.map(Math.round)),
  };
}

function tableOf({ type, pair }: Workload, size: number): RoutingTable {
  const table = new RoutingTable(() => false);
  table.declare({ name: 'x', type, internal: false, alternate_exchange: null, hash_header: null });
  for (let group = 0; group < size / 2; group++) {
    pair(group).forEach((how, side) => {
      table.bind(
        makeBinding({ source: 'x', destination: { kind: 'queue', name: `q${group}-${side}` }, ...how }),
      );
    });
  }
  return table;
}

/** Groups in an order that strides over all of them, the same in every run. */
function messagesOf({ message }: Workload, groups: number): Message[] {
  return Array.from({ length: MESSAGES }, (_, number) => message((number * 7_919) % groups));
}

function nsPerMessage(table: RoutingTable, messages: Message[]): number {
  let matches = 0;
  const start = process.hrtime.bigint();
  for (const message of messages) {
    const routed = route(table, 'x', message);
    if (!('refused' in routed)) matches += routed.destinations.length;
  }
  const elapsed = Number(process.hrtime.bigint() - start);
  if (matches !== 2 * messages.length) throw new Error(`${matches} matches for ${messages.length} messages`);
  return elapsed / messages.length;
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

function pattern(routing_key: string): How {
  return { routing_key, arguments: {} };
}
