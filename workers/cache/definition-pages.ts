/** All definitions of a kind, read from the topology page by page: a call between objects carries 32 MiB. */

import type { Listed, ListKind } from '../../durable-objects/rpc/topology.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { PAGE_BYTES_MAX, PAGE_ITEMS_MAX } from '../../protocol/limits.ts';

/** One page after the other, in memory one at a time. What comes or goes meanwhile may be among them or not. */
export async function* definitionPages<Kind extends ListKind>(
  env: Env,
  namespace: string,
  kind: Kind,
): AsyncGenerator<Listed[Kind][], void, undefined> {
  for (let after: string | null = null; ;) {
    const { itemsJson, next }: { itemsJson: string; next: string | null } = await topologyStub(
      env,
      namespace,
    ).page(kind, after, PAGE_ITEMS_MAX, PAGE_BYTES_MAX);
    yield JSON.parse(itemsJson) as Listed[Kind][];
    if (next === null) return;
    after = next;
  }
}

export async function readAll<Kind extends ListKind>(
  env: Env,
  namespace: string,
  kind: Kind,
): Promise<Listed[Kind][]> {
  const all: Listed[Kind][] = [];
  for await (const page of definitionPages(env, namespace, kind)) all.push(...page);
  return all;
}
