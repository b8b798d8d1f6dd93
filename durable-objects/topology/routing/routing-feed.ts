/** Routing feed: gives routers the routing graph, as a snapshot in pages and then as changes. */

import { exchangesIn } from '../definitions/exchanges.ts';
import type { ChangesSince, SnapshotPage, SnapshotPosition } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

/** A binding is some 200 bytes of JSON, 15 KiB at the most: far below the 32 MiB that a call may answer. */
const BINDINGS_PER_PAGE = 10_000;
const PAGE_LENGTH_MAX = 4 * 1024 * 1024;

/** A change is some 200 bytes too, but one of many bindings up to 500 KB. */
const CHANGES_PER_ANSWER = 1_000;

/** Pages are read one by one while the topology goes on changing: see `SnapshotPage.version`. */
export function snapshotPage(store: TopologyStore, after: SnapshotPosition | null): SnapshotPage {
  const texts: string[] = [];
  let length = 0;
  const found = store.bindings.texts(after, BINDINGS_PER_PAGE);
  for (const text of found) {
    if (length > PAGE_LENGTH_MAX) break;
    length += text.length;
    texts.push(text);
  }
  const isLast = texts.length === found.length && found.length < BINDINGS_PER_PAGE;
  return {
    version: store.version(),
    names:
      after === null
        ? { queues: store.queues.names(), topics: store.topics.names(), exchanges: exchangesIn(store) }
        : null,
    bindingsJson: `[${texts.join(',')}]`,
    next: isLast ? null : (JSON.parse(texts.at(-1)!) as SnapshotPosition),
  };
}

/** Null if the log does not reach back to that version: start anew. */
export function changesSince(store: TopologyStore, version: number): ChangesSince | null {
  const texts = store.changes.since(version, CHANGES_PER_ANSWER);
  if (texts === null) return null;
  const taken: string[] = [];
  let length = 0;
  for (const text of texts) {
    if (length > PAGE_LENGTH_MAX) break;
    length += text.length;
    taken.push(text);
  }
  const isPartial = taken.length < texts.length || texts.length === CHANGES_PER_ANSWER;
  return { changesJson: `[${taken.join(',')}]`, count: taken.length, isPartial };
}
