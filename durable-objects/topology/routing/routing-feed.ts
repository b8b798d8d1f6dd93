/** Routing feed: gives routers the routing graph, as a snapshot in pages and then as changes. */

import { PAGE_BYTES_MAX } from '../../../protocol/limits.ts';
import type { ChangesSince, NamePosition, SnapshotPage, SnapshotPosition } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

/** A binding is some 200 bytes of JSON, 15 KiB at the most: far below the 32 MiB that a call may answer. */
const BINDINGS_PER_PAGE = 10_000;

/** A change is some 200 bytes too, but one of many bindings up to 500 KB. */
const CHANGES_PER_ANSWER = 1_000;

/** Names are at most 249 characters, definitions of exchanges some 500: a page of both is far below the 32 MiB too. */
const NAMES_PER_PAGE = 10_000;

/** Pages are read one by one while the topology goes on changing: see `SnapshotPage.version`. */
export function snapshotPage(store: TopologyStore, after: SnapshotPosition | null): SnapshotPage {
  const version = store.version();
  if (after !== null && 'source' in after) return { version, names: null, ...bindingPage(store, after) };
  const { names, next } = namePage(store, after ?? { kind: 'queues', after: '' });
  const bindings = next === null ? bindingPage(store, null) : { bindingsJson: '[]', next };
  return { version, names, ...bindings };
}

function namePage(
  store: TopologyStore,
  { kind, after }: NamePosition,
): { names: NonNullable<SnapshotPage['names']>; next: SnapshotPosition | null } {
  const queues = kind === 'queues' ? store.queues.namesAfter(after, NAMES_PER_PAGE) : [];
  const room = NAMES_PER_PAGE - queues.length;
  if (room === 0) return { names: { queues, exchanges: [] }, next: { kind, after: queues.at(-1)! } };
  const { items: exchanges, next } = store.exchanges.page(kind === 'exchanges' ? after : '', room);
  return { names: { queues, exchanges }, next: next === null ? null : { kind: 'exchanges', after: next } };
}

function bindingPage(
  store: TopologyStore,
  after: { source: string; id: string } | null,
): Pick<SnapshotPage, 'bindingsJson' | 'next'> {
  const { texts, isAll } = taken(store.bindings.texts(after, BINDINGS_PER_PAGE), BINDINGS_PER_PAGE);
  return {
    bindingsJson: `[${texts.join(',')}]`,
    next: isAll ? null : (JSON.parse(texts.at(-1)!) as SnapshotPosition),
  };
}

/** Null if the log does not reach back to that version: start anew. */
export function changesSince(store: TopologyStore, version: number): ChangesSince | null {
  const rows = store.changes.since(version, CHANGES_PER_ANSWER);
  if (rows === null) return null;
  const { texts, isAll } = taken(rows, CHANGES_PER_ANSWER);
  return { changesJson: `[${texts.join(',')}]`, count: texts.length, isPartial: !isAll };
}

/** As many rows as fit an answer; the others are not read into memory. At least one, if there is one. */
function taken(rows: Iterable<{ json: string }>, limit: number): { texts: string[]; isAll: boolean } {
  const texts: string[] = [];
  let length = 0;
  for (const { json } of rows) {
    if (length > PAGE_BYTES_MAX) return { texts, isAll: false };
    length += json.length;
    texts.push(json);
  }
  return { texts, isAll: texts.length < limit };
}
