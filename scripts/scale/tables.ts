/** The tables of docs/scale.md, by name. They stand in the page between `<!-- table: NAME -->` and `<!-- end -->`. */

import { TOPIC_DEFAULTS } from '../../protocol/schemas/topics.ts';
import {
  costOf,
  firstLimit,
  loadOf,
  objectsFor,
  OBJECT_CALLS_MAX,
  routingLoadOf,
  storageCostOf,
  upkeepOf,
  type Deployment,
} from './model.ts';

/** An object holds no more. */
const OBJECT_GB_MAX = 10;
const RATES = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
const OBJECTS = [10, 1_000, 100_000];
const ISOLATES = [10, 100, 1_000, 10_000];
const KINDS = ['queues', 'partitions'] as const;
const BATCH = 100;

export function tables(): Record<string, string> {
  return {
    'queue-calls': callsTable('queues'),
    'partition-calls': callsTable('partitions'),
    'objects-needed': neededTable(),
    'routing-one-continent': routingTable(1),
    'routing-five-continents': routingTable(5),
    upkeep: upkeepTable(),
    'queue-cost': costTable('queues'),
    'partition-cost': costTable('partitions'),
    'storage-cost': storageTable(),
  };
}

/** The page with its tables as the model says. */
export function withTables(page: string): string {
  return Object.entries(tables()).reduce((text, [name, table]) => {
    const block = new RegExp(`(<!-- table: ${name} -->\n)[^]*?(<!-- end -->)`);
    if (!block.test(text)) throw new Error(`docs/scale.md has no place for the table ${name}`);
    return text.replace(block, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`);
  }, page);
}

function callsTable(kind: Deployment['kind']): string {
  const cell = (objects: number, messagesPerS: number): string => {
    const deployment = { kind, objects, messagesPerS, batch: BATCH };
    const calls = short(loadOf(deployment).callsPerObject);
    return firstLimit(deployment) === null ? calls : `**${calls}**`;
  };
  return grid(kind, cell);
}

function costTable(kind: Deployment['kind']): string {
  return grid(kind, (objects, messagesPerS) => {
    const deployment = { kind, objects, messagesPerS, batch: BATCH };
    const { total, duration } = costOf(deployment);
    const text = `${dollars(total)} (${Math.round((duration / total) * 100)} %)`;
    return firstLimit(deployment) === null ? text : '-';
  });
}

function grid(kind: Deployment['kind'], cell: (objects: number, messagesPerS: number) => string): string {
  return table(
    ['messages a second', ...OBJECTS.map((objects) => `${count(objects)} ${kind}`)],
    RATES.map((rate) => [count(rate), ...OBJECTS.map((objects) => cell(objects, rate))]),
  );
}

function neededTable(): string {
  const columns = KINDS.flatMap((kind) => [10, 100, 1_000].map((batch) => ({ kind, batch })));
  return table(
    ['messages a second', ...columns.map(({ kind, batch }) => `${kind}, batches of ${count(batch)}`)],
    RATES.map((rate) => [
      count(rate),
      ...columns.map(({ kind, batch }) => count(objectsFor(kind, rate, batch))),
    ]),
  );
}

function routingTable(continents: number): string {
  return table(
    ['isolates', 'topology', 'root', 'leaves', 'busiest leaf', 'directory'],
    ISOLATES.map((isolates) => {
      const { topology, root, leaves, leaf, directory } = routingLoadOf(isolates, continents);
      const calls = (value: number): string =>
        value > OBJECT_CALLS_MAX ? `**${short(value)}**` : short(value);
      return [count(isolates), calls(topology), calls(root), count(leaves), calls(leaf), calls(directory)];
    }),
  );
}

function upkeepTable(): string {
  return table(
    ['objects', 'overview: calls a second', 'watchdog: queues visited in a run', 'the same, partitions'],
    OBJECTS.map((objects) => {
      const { overview, queueVisits, partitionVisits } = upkeepOf(objects);
      return [count(objects), short(overview), short(queueVisits), short(partitionVisits)];
    }),
  );
}

function storageTable(): string {
  return table(
    [
      'a partition of',
      'all in its object, a month',
      'all but 1 GB in R2, a month',
      'moving it, once',
      'reading it there, once',
    ],
    [1, 10, 100, 1_000, 10_000].map((gigabytes) => {
      const { object, tiered, moved, read } = storageCostOf(gigabytes * 1e9, TOPIC_DEFAULTS.hot_bytes!);
      return [
        `${count(gigabytes)} GB`,
        gigabytes > OBJECT_GB_MAX ? '-' : dollars(object),
        dollars(tiered),
        dollars(moved),
        dollars(read),
      ];
    }),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const count = (value: number): string => value.toLocaleString('en');

/** Three digits: a model has no more. */
const short = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 });

const dollars = (value: number): string => `$${short(value)}`;
