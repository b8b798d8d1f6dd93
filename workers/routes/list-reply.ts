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

/** The page that a request asks for. */
export interface AskedPage {
  readonly namespace: string;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** How names are written in requests and replies, where it is not as they are kept. */
const AS_KEPT = { kept: (written: string) => written, written: (kept: string) => kept };

/** @param build the reply without `next` */
export async function listReply<Kind extends ListKind>(
  c: AppContext,
  kind: Kind,
  build: (items: Listed[Kind][]) => object,
  names = AS_KEPT,
): Promise<Response> {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return problem(c, namespace);
  const query = readQuery(c, namePageQuerySchema);
  if (isFailure(query)) return problem(c, query);
  return await pageReply(c, kind, { namespace, ...query.fields }, build, names);
}

/** As `listReply`, for a request whose query says more than the page. */
export async function pageReply<Kind extends ListKind>(
  c: AppContext,
  kind: Kind,
  { namespace, after, limit }: AskedPage,
  build: (items: Listed[Kind][]) => object | Promise<object>,
  names = AS_KEPT,
): Promise<Response> {
  const from = after === undefined ? null : names.kept(after);
  const bytesMax = await grantReply(c.req.raw, PAGE_BYTES_MAX, JSON_REPLY_WEIGHT);
  if (isFailure(bytesMax)) return problem(c, bytesMax);
  const page: DefinitionPage = await topologyStub(c.env, namespace).page(kind, from, limit, bytesMax);
  const reply = await build(JSON.parse(page.itemsJson) as Listed[Kind][]);
  return jsonReply(c, { ...reply, ...(page.next !== null && { next: names.written(page.next) }) });
}
