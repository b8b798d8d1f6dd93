/** Routing graph: an exchange and where its bindings lead, over other exchanges too. The table below it says the same in words. */

import type { BindingFields, BindingList } from '../../protocol/schemas/exchanges.ts';
import { call, pathOf } from '../data/api.ts';
import { useLive } from '../data/live.ts';

/** What can be told apart on a screen. */
const NODES_MAX = 40;
const EXCHANGES_MAX = 12;
const DEPTH_MAX = 3;

const COLUMN_PX = 260;
const ROW_PX = 40;
const BOX = { width: 170, height: 28 };
const NAME_LENGTH = 22;
const KEY_LENGTH = 14;

interface Node {
  readonly key: string;
  readonly name: string;
  readonly kind: string;
  readonly depth: number;
  readonly row: number;
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

interface Graph {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly hidden: number;
}

interface Props {
  readonly namespace: string;
  readonly exchange: string;
  readonly bindings: readonly BindingFields[];
}

export function RoutingGraph({ namespace, exchange, bindings }: Props) {
  const { value } = useLive(
    (signal) => graphOf(namespace, exchange, bindings, signal),
    0,
    `${namespace}/${exchange}/${bindings.map(({ id }) => id).join(' ')}`,
  );
  if (value === undefined || value.edges.length === 0) return null;
  const places = new Map(value.nodes.map((node) => [node.key, node]));
  const depth = Math.max(...value.nodes.map((node) => node.depth));
  const rows = Math.max(...value.nodes.map(({ row }) => row)) + 1;
  const width = (depth + 1) * COLUMN_PX;
  return (
    <div class="graph" tabIndex={0} role="region" aria-label={`Graph of ${exchange}`}>
      <svg
        width={width}
        height={rows * ROW_PX + 10}
        role="img"
        aria-label={`${exchange} leads to ${value.nodes.length - 1} others; the table lists its bindings`}
      >
        {value.edges.map(({ from, to, label }) => {
          const [start, end] = [places.get(from)!, places.get(to)!];
          const [x1, y1] = [xOf(start) + BOX.width, yOf(start) + BOX.height / 2];
          const [x2, y2] = [xOf(end), yOf(end) + BOX.height / 2];
          const bend = Math.max(30, (x2 - x1) / 2);
          return (
            <g key={`${from} ${to}`}>
              <path d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />
              <text class="key" x={x2 - 6} y={y2 - 4} text-anchor="end">
                {label}
              </text>
            </g>
          );
        })}
        {value.nodes.map((node) => (
          <g key={node.key} class={node.depth === 0 ? 'chosen' : ''}>
            <rect
              x={xOf(node)}
              y={yOf(node)}
              width={BOX.width}
              height={BOX.height}
              rx={node.kind === 'exchange' ? 14 : 4}
            />
            <text x={xOf(node) + 10} y={yOf(node) + 19}>
              {cut(node.name, NAME_LENGTH)}
            </text>
          </g>
        ))}
      </svg>
      {value.hidden > 0 && <p class="empty">{value.hidden.toLocaleString('en')} more are not drawn.</p>}
    </div>
  );
}

const xOf = ({ depth }: Node): number => 5 + depth * COLUMN_PX;
const yOf = ({ row }: Node): number => 8 + row * ROW_PX;
const cut = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}…` : text);

/** Follows bindings between exchanges, breadth first. An exchange whose bindings the caller may not see ends there. */
async function graphOf(
  namespace: string,
  exchange: string,
  bindings: readonly BindingFields[],
  signal: AbortSignal,
): Promise<Graph> {
  const first = `exchange ${exchange}`;
  const nodes = new Map<string, Node>([
    [first, { key: first, name: exchange, kind: 'exchange', depth: 0, row: 0 }],
  ]);
  const rows = [1];
  const edges = new Map<string, Edge>();
  let hidden = 0;
  const waiting: { from: Node; bindings: readonly BindingFields[] }[] = [
    { from: nodes.get(first)!, bindings },
  ];
  for (let asked = 0; waiting.length > 0 && asked < EXCHANGES_MAX; asked++) {
    const { from, bindings: some } = waiting.shift()!;
    const next: Node[] = [];
    for (const { destination, routing_key: routingKey, arguments: given } of some) {
      const key = `${destination.kind} ${destination.name}`;
      if (!nodes.has(key)) {
        if (nodes.size >= NODES_MAX) {
          hidden += 1;
          continue;
        }
        const depth = from.depth + 1;
        const row = rows[depth] ?? 0;
        rows[depth] = row + 1;
        const node = { key, ...destination, depth, row };
        nodes.set(key, node);
        if (destination.kind === 'exchange' && depth < DEPTH_MAX) next.push(node);
      }
      const label = routingKey !== '' ? routingKey : Object.keys(given).length > 0 ? 'headers' : '';
      const edge = edges.get(`${from.key} ${key}`);
      const all = edge ? `${edge.label}, ${label}` : label;
      edges.set(`${from.key} ${key}`, { from: from.key, to: key, label: cut(all, KEY_LENGTH) });
    }
    for (const node of next) {
      const path = pathOf([namespace, 'exchanges', node.name, 'bindings'], { limit: NODES_MAX });
      const page = await call<BindingList>('GET', path, { signal }).catch(() => null);
      if (page) waiting.push({ from: node, bindings: page.bindings });
    }
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()], hidden };
}
