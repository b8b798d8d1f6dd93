/** Lists that the broker answers page by page, read to their end. */

import type { CallOptions } from './options.ts';
import type { Transport } from './transport.ts';

/** All items, in the order of the broker. What comes or goes while pages are read may be among them or not. */
export async function listAll<Page extends { next?: string | undefined }, Item>(
  transport: Transport,
  path: string,
  itemsOf: (page: Page) => readonly Item[],
  options: CallOptions & { query?: Record<string, string | undefined>; after?: string | undefined },
): Promise<Item[]> {
  const { query, after: from, ...rest } = options;
  const all: Item[] = [];
  for (let next = from; ;) {
    const after = next === undefined ? undefined : encodeURIComponent(next);
    const call = { method: 'GET' as const, path, query: { ...query, after }, ...rest };
    const page = await transport.json<Page>(call);
    for (const item of itemsOf(page)) all.push(item);
    if (page.next === undefined) return all;
    next = page.next;
  }
}
