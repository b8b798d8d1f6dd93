/**
 * Benchmark of routing: the time at 10 and at 100,000 bindings, for the same number of matches. The figure is the
 * ratio, and the limit is 2.
 *
 *   npm run bench -- --only routing
 *
 * Both sizes take turns, the order reversed each round. Routing alone is measured in this process, with keys that are spread
 * over all bindings ("spread", where the larger table also misses the processor's caches) or stay with ten of them ("hot");
 * publishing is measured over HTTP with spread keys.
 */

import { createHash } from 'node:crypto';
import { makeBinding, type BindingDeclaration } from '../core/exchange/binding.ts';
import type { ExchangeType, RoutedMessage } from '../core/exchange/exchange.ts';
import { route } from '../core/exchange/route.ts';
import { RoutingTable } from '../core/exchange/routing-table.ts';
import { median, timed, type Client } from './runtime/client.ts';
import { withRuntime } from './runtime/runtime.ts';

const SIZES = [10, 100_000];
const MESSAGES = 20_000;
const ROUNDS = 15;
const HOT_GROUPS = 5;
const BINDINGS_PER_REQUEST = 5_000;
const PUBLISHES = 50;
const MESSAGES_PER_PUBLISH = 100;
const JSON_TYPE = { 'content-type': 'application/json' };

type How = Pick<BindingDeclaration, 'routing_key' | 'arguments'>;

/** Bindings come in pairs that take the messages of one group: every message has two matches. */
interface Workload {
  type: ExchangeType;
  pair: (group: number) => How[];
  message: (group: number) => RoutedMessage;
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

export interface RoutingResult {
  sizes: number[];
  /** Routing alone, in this process. */
  alone: ReturnType<typeof measure>[];
  published: PublishedResult;
}

/** Publishing over HTTP to a topic exchange: what a client sees of the size of the table. */
export interface PublishedResult {
  /** Messages a second at each size, medians of the rounds. */
  rates: number[];
  /** The time with many bindings over that with few, median of the pairs of rounds. */
  ratio: number;
  rounds: number[][];
}

export async function benchRouting(progress: (text: string) => void): Promise<RoutingResult> {
  progress('routing alone');
  const alone = Object.entries(workloads).flatMap(([name, workload]) => [
    measure(name, workload, 'spread'),
    measure(name, workload, 'hot'),
  ]);
  return {
    sizes: SIZES,
    alone,
    published: await withRuntime('posthorn', (client) => publish(client, progress)),
  };
}

async function publish(client: Client, progress: (text: string) => void): Promise<PublishedResult> {
  const { pair, message } = workloads['topic, literal first']!;
  for (const name of ['log-0', 'log-1']) await put(client, `topics/${name}`, { partitions: 1 });
  for (const size of SIZES) {
    progress(`declaring ${size} bindings`);
    await put(client, `exchanges/x${size}`, { type: 'topic' });
    const bindings = Array.from({ length: size / 2 }, (_, group) =>
      pair(group).map((how, side) => ({
        source: `x${size}`,
        destination: { kind: 'topic', name: `log-${side}` },
        ...how,
      })),
    ).flat();
    for (let at = 0; at < bindings.length; at += BINDINGS_PER_REQUEST) {
      const body = JSON.stringify({ bindings: bindings.slice(at, at + BINDINGS_PER_REQUEST) });
      await client.send('POST', '/v1/default/bindings', body, JSON_TYPE);
    }
  }
  const bodies = SIZES.map((size) =>
    Array.from({ length: PUBLISHES }, (_, number) => {
      const first = number * MESSAGES_PER_PUBLISH;
      const messages = Array.from({ length: MESSAGES_PER_PUBLISH }, (__, index) => ({
        routing_key: message(((first + index) * 7_919) % (size / 2)).routingKey,
        body: 'x'.repeat(100),
      }));
      return JSON.stringify({ messages });
    }),
  );
  const rounds: number[][] = SIZES.map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    progress(`publishing, round ${round + 1} of ${ROUNDS}`);
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const side of order) {
      const seconds = await timed(PUBLISHES, 4, (index) =>
        client.send(
          'POST',
          `/v1/default/exchanges/x${SIZES[side]}/messages`,
          bodies[side]![index]!,
          JSON_TYPE,
        ),
      );
      if (round >= 0) rounds[side]!.push((PUBLISHES * MESSAGES_PER_PUBLISH) / seconds);
    }
  }
  const [few, many] = rounds;
  return {
    rates: rounds.map((rates) => Math.round(median(rates))),
    ratio: Number(median(few!.map((rate, round) => rate / many![round]!)).toFixed(2)),
    rounds: rounds.map((rates) => rates.map(Math.round)),
  };
}

function put(client: Client, path: string, body: unknown): Promise<unknown> {
  return client.send('PUT', `/v1/default/${path}`, JSON.stringify(body), JSON_TYPE);
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

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

function tableOf({ type, pair }: Workload, size: number): RoutingTable {
  const table = new RoutingTable(() => false);
  table.declare({ name: 'x', type, internal: false, alternate_exchange: null, hash_header: null });
  for (let group = 0; group < size / 2; group++) {
    pair(group).forEach((how, side) => {
      table.bind(
        makeBinding(
          { source: 'x', destination: { kind: 'queue', name: `q${group}-${side}` }, ...how },
          sha256,
        ),
      );
    });
  }
  return table;
}

/** Groups in an order that strides over all of them, the same in every run. */
function messagesOf({ message }: Workload, groups: number): RoutedMessage[] {
  return Array.from({ length: MESSAGES }, (_, number) => message((number * 7_919) % groups));
}

function nsPerMessage(table: RoutingTable, messages: RoutedMessage[]): number {
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

function pattern(routing_key: string): How {
  return { routing_key, arguments: {} };
}
