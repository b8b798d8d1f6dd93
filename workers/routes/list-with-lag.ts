/** Lists whose items can say their lag, as the overview knows it. */

import type { Listed } from '../../durable-objects/rpc/topology.ts';
import { overviewStub } from '../../durable-objects/stubs.ts';
import { isFailure } from '../../protocol/errors.ts';
import { lagPageQuerySchema } from '../../protocol/schemas/pages.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readNamespace, type AppContext } from '../http/context.ts';
import { pageReply } from './list-reply.ts';

type LagOf = (name: string) => { lag?: number | null };

/** @param build the reply without `next`; `lagOf` returns the fields of an item */
export async function listWithLag<Kind extends 'topics' | 'groups'>(
  c: AppContext,
  kind: Kind,
  build: (items: Listed[Kind][], lagOf: LagOf) => object,
): Promise<Response> {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return problem(c, namespace);
  const query = readQuery(c, lagPageQuerySchema);
  if (isFailure(query)) return problem(c, query);
  const { include, ...page } = query.fields;
  return await pageReply(c, kind, { namespace, ...page }, async (items) => {
    if (include === undefined) return build(items, () => ({}));
    const json = await overviewStub(c.env, namespace).lags(
      kind,
      items.map(({ name }) => name),
    );
    const lags = new Map(Object.entries(JSON.parse(json) as Record<string, number | null>));
    return build(items, (name) => ({ lag: lags.get(name) ?? null }));
  });
}
