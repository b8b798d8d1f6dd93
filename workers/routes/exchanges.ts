/** Exchanges: declare, read, delete. */

import type { Hono } from 'hono';
import { needsOfTarget } from '../../core/access/reach.ts';
import type { ExchangeDefinition } from '../../core/topology/exchanges.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import {
  exchangeDeclarationSchema,
  exchangeDeleteQuerySchema,
  exchangeNameOf,
  isSet,
  writtenExchange,
  type ExchangeDeclaration,
  type ExchangeList,
  type ExchangeReply,
} from '../../protocol/schemas/exchanges.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';
import { noteTopologyVersion } from '../cache/routing-cache.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readExchangePath, type AppContext, type AppEnv } from '../http/context.ts';
import { listReply } from './list-reply.ts';

export function exchangeRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listExchanges, (c) =>
    listReply(c, 'exchanges', (exchanges): ExchangeList => ({ exchanges: exchanges.map(fieldsOf) }), {
      kept: exchangeNameOf,
      written: writtenExchange,
    }),
  );

  bind(app, calls.declareExchange, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, exchangeDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const declaration = withName(body.fields);
    const { alternate_exchange: alternate } = declaration;
    const refused = alternate == null ? null : refuseReach(c, needsOfTarget({ exchange: alternate }));
    if (refused) return problem(c, refused);
    const declared = await topologyStub(c.env, path.namespace).declareExchange(path.name, declaration);
    if (isFailure(declared)) return problem(c, declared);
    noteTopologyVersion(path.namespace, declared.topologyVersion);
    return exchangeReply(c, declared.exchange, declared.topologyVersion, declared.isNew ? 201 : 200);
  });

  bind(app, calls.getExchange, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const { exchange, topologyVersion } = await topologyStub(c.env, path.namespace).exchange(path.name);
    if (exchange === null) return problem(c, noSuchExchange(path.name));
    return exchangeReply(c, exchange, topologyVersion, 200);
  });

  bind(app, calls.deleteExchange, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const query = readQuery(c, exchangeDeleteQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const ifUnused = isSet(query.fields.if_unused);
    const deleted = await topologyStub(c.env, path.namespace).deleteExchange(path.name, ifUnused);
    if (isFailure(deleted)) return problem(c, deleted);
    const { topologyVersion } = deleted;
    noteTopologyVersion(path.namespace, topologyVersion);
    c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
    return c.json({ exchange: path.name, topology_version: topologyVersion });
  });
}

function noSuchExchange(name: string): Failure {
  return failure('exchange_not_found', `there is no exchange "${name}"; PUT creates it`);
}

function withName(declaration: ExchangeDeclaration): ExchangeDeclaration {
  const { alternate_exchange: alternate } = declaration;
  return alternate == null ? declaration : { ...declaration, alternate_exchange: exchangeNameOf(alternate) };
}

function fieldsOf(exchange: ExchangeDefinition): ExchangeList['exchanges'][number] {
  const { name, version, alternate_exchange: alternate, ...config } = exchange;
  return {
    exchange: writtenExchange(name),
    ...config,
    alternate_exchange: alternate === null ? null : writtenExchange(alternate),
    predeclared: version === 0,
  };
}

function exchangeReply(
  c: AppContext,
  exchange: ExchangeDefinition,
  topologyVersion: number,
  status: 200 | 201,
): Response {
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
  return c.json({ ...fieldsOf(exchange), topology_version: topologyVersion } satisfies ExchangeReply, status);
}
