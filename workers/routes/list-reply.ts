/** Replies to calls that list definitions: one page, read as a range of rows. */

import type { DefinitionPage, Listed, ListKind } from '../../durable-objects/rpc/topology.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { isFailure } from '../../protocol/errors.ts';
import { PAGE_BYTES_MAX } from '../../protocol/limits.ts';
import { namePageQuerySchema } from '../../protocol/schemas/pages.ts';
import { JSON_REPLY_WEIGHT, grantReply } from '../bounds/reply-bytes.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readNamespace, type AppContext } from '../http/context.ts';

/**
 * @param build the reply without `next`
 * @param names how names are written in requests and replies, where it is not as they are kept
 */
export async function listReply<Kind extends ListKind>(
  c: AppContext,
  kind: Kind,
  build: (items: Listed[Kind][]) => object,
  names = { kept: (written: string) => written, written: (kept: string) => kept },
): Promise<Response> {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return problem(c, namespace);
  const query = readQuery(c, namePageQuerySchema);
  if (isFailure(query)) return problem(c, query);
  const { after, limit } = query.fields;
  const from = after === undefined ? null : names.kept(after);
  const bytesMax = await grantReply(c.req.raw, PAGE_BYTES_MAX, JSON_REPLY_WEIGHT);
  if (isFailure(bytesMax)) return problem(c, bytesMax);
  const page: DefinitionPage = await topologyStub(c.env, namespace).page(kind, from, limit, bytesMax);
  const reply = build(JSON.parse(page.itemsJson) as Listed[Kind][]);
  return jsonReply(c, { ...reply, ...(page.next !== null && { next: names.written(page.next) }) });
}
