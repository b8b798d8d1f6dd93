/** Pages of definitions: what lists, the watchdog and routers read, a range of rows at a time. */

import { PREDECLARED_EXCHANGES } from '../../../core/exchange/exchange.ts';
import { predeclaredExchange, type ExchangeDefinition } from '../../../core/topology/exchanges.ts';
import type { DefinitionPage, ListKind, Listed } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

const PREDECLARED = PREDECLARED_EXCHANGES.map(({ name }) => predeclaredExchange(name)!);

type Page<Item> = { items: Item[]; next: string | null };

/** The first definitions after a name; null: from the start. The name need not stand for anything (any more). */
export function definitionPage(
  store: TopologyStore,
  kind: ListKind,
  after: string | null,
  limit: number,
  bytesMax: number,
): DefinitionPage {
  const { items, next } = pageOf(store, kind, after, limit, bytesMax);
  return { itemsJson: JSON.stringify(items), next };
}

function pageOf(
  store: TopologyStore,
  kind: ListKind,
  after: string | null,
  limit: number,
  bytesMax: number,
): Page<Listed[ListKind]> {
  if (kind === 'exchanges') return exchangePage(store, after, limit, bytesMax);
  if (kind !== 'queues') return store[kind].page(after ?? '', limit, bytesMax);
  const { items, next } = store.queues.page(after ?? '', limit, bytesMax);
  return { items: items.map(({ definition }) => definition), next };
}

/** The predeclared exchanges first, in an order of their own, then the others by name: nobody can declare a name of the first. */
export function exchangePage(
  store: TopologyStore,
  after: string | null,
  limit: number,
  bytesMax: number,
): Page<ExchangeDefinition> {
  const last = PREDECLARED.findIndex(({ name }) => name === after);
  const isPast = after !== null && last === -1;
  const first = isPast ? [] : PREDECLARED.slice(last + 1);
  if (first.length > limit) return { items: first.slice(0, limit), next: first[limit - 1]!.name };
  const { items, next } = store.exchanges.page(isPast ? after : '', limit - first.length, bytesMax);
  // No room for one of the others: whether there is one is for the next page to say.
  return {
    items: [...first, ...items],
    next: items.length === 0 && next !== null ? first.at(-1)!.name : next,
  };
}
