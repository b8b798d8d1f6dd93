/** Lists of the API that come in pages, loaded whole while a page is open. */

import { call, pathOf } from './api.ts';
import { loadPages, useLive, type Live } from './live.ts';

const LIST_MS = 10_000;
const ITEMS_MAX = 100_000;

/** @param kind the name of the list, in the path and in its pages alike if `member` does not say otherwise */
export function useList<Item>(
  namespace: string,
  kind: string,
  { member = kind, query = {} }: { member?: string; query?: Record<string, string> } = {},
): Live<readonly Item[]> {
  return useLive(
    (signal) =>
      loadPages(
        (after) => call<{ next?: string }>('GET', pathOf([namespace, kind], { ...query, after }), { signal }),
        (page) => (page as unknown as Record<string, Item[]>)[member] ?? [],
        ITEMS_MAX,
      ),
    LIST_MS,
    `${namespace}/${kind}`,
  );
}
