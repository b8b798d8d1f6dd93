/** List query: which entries of a list are sent, in which order, and with which columns, as RabbitMQ's API lets its clients choose. */

import { Refused, type Fields } from './vhost-calls.ts';

const PAGE_SIZE = 100;
const PAGE_SIZE_MAX = 500;

/** An entry that is asked for only if it is sent. */
export interface Entry {
  name: string;
  vhost: string;
  load(): Promise<Fields | null>;
}

export interface Page {
  filtered_count: number;
  item_count: number;
  items: Fields[];
  page: number;
  page_count: number;
  page_size: number;
  total_count: number;
}

/** How many entries are asked for at the same time. */
const AT_ONCE = 32;

/** @returns a page if one was asked for */
export async function listed(entries: readonly Entry[], query: URLSearchParams): Promise<Fields[] | Page> {
  const paging = pagingOf(query);
  const sort = query.get('sort');
  const isByName = sort === null || sort === 'name' || sort === 'vhost';
  const named = entries.filter(({ name }) => name.includes(query.get('name') ?? ''));
  // What is not on the page is asked for only if the order depends on it.
  const ordered = isByName ? inOrder(named, sort, query) : named;
  const chosen = isByName && paging !== null ? pageOf(ordered, paging) : ordered;
  let items = await loaded(chosen);
  if (!isByName) {
    items = inOrder(items, sort, query);
    if (paging !== null) items = pageOf(items, paging);
  }
  const shown = items.map((item) => withColumns(item, query.get('columns')));
  if (paging === null) return shown;
  return {
    filtered_count: named.length,
    item_count: shown.length,
    items: shown,
    page: paging.page,
    page_count: pageCount(named.length, paging.size),
    page_size: paging.size,
    total_count: entries.length,
  };
}

/** Entries that are there already. */
export const entriesOf = (items: readonly (Fields & { name: string; vhost: string })[]): Entry[] =>
  items.map((item) => ({
    name: item.name,
    vhost: item.vhost,
    load: () => Promise.resolve(item),
  }));

/** Chooses columns: `name` or, of what is inside, `queue_totals.messages`. */
export function withColumns(item: Fields, columns: string | null): Fields {
  if (columns === null || columns === '') return item;
  const chosen: Record<string, unknown> = {};
  for (const column of columns.split(',')) {
    const path = column.split('.');
    const value = valueAt(item, path);
    if (value === undefined) continue;
    let into = chosen;
    for (const part of path.slice(0, -1)) {
      const inner = (Object.hasOwn(into, part) ? into[part] : {}) as Record<string, unknown>;
      Object.defineProperty(into, part, { value: inner, enumerable: true, configurable: true });
      into = inner;
    }
    Object.defineProperty(into, path.at(-1)!, { value, enumerable: true, configurable: true });
  }
  return chosen;
}

function valueAt(item: object, path: readonly string[]): unknown {
  let value: unknown = item;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Fields)[part];
  }
  return value;
}

interface Paging {
  page: number;
  size: number;
}

function pagingOf(query: URLSearchParams): Paging | null {
  const page = query.get('page');
  if (query.get('use_regex') === 'true' && query.get('name')) {
    throw refused('a regular expression could take for ever; "name" is a part of the name');
  }
  if (page === null) return null;
  const [number, size] = [Number(page), Number(query.get('page_size') ?? PAGE_SIZE)];
  if (!(Number.isInteger(number) && number >= 1)) throw refused(`page ${page} is no page`);
  if (!(Number.isInteger(size) && size >= 1 && size <= PAGE_SIZE_MAX)) {
    throw refused(`page_size is from 1 to ${PAGE_SIZE_MAX}`);
  }
  return { page: number, size };
}

function pageOf<Item>(items: readonly Item[], { page, size }: Paging): Item[] {
  if (page > pageCount(items.length, size)) {
    throw refused(`Page out of range, page: ${page} page size: ${size}, len: ${items.length}`);
  }
  return items.slice((page - 1) * size, page * size);
}

const pageCount = (count: number, size: number): number => Math.max(1, Math.ceil(count / size));

function inOrder<Item extends object>(
  items: readonly Item[],
  sort: string | null,
  query: URLSearchParams,
): Item[] {
  const path = (sort ?? '').split('.');
  const sorted =
    sort === null ? [...items] : items.toSorted((a, b) => compared(valueAt(a, path), valueAt(b, path)));
  return query.get('sort_reverse') === 'true' ? sorted.reverse() : sorted;
}

/** What has no order of its own, such as a table, stands before all texts. */
const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

function compared(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [textOf(a), textOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

async function loaded(entries: readonly Entry[]): Promise<Fields[]> {
  const all: Fields[] = [];
  for (let first = 0; first < entries.length; first += AT_ONCE) {
    const some = await Promise.all(entries.slice(first, first + AT_ONCE).map((entry) => entry.load()));
    all.push(...some.filter((one) => one !== null));
  }
  return all;
}

const refused = (reason: string): Refused => new Refused({ reply: 'precondition-failed', reason });
