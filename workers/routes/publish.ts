/** Publishing through an exchange, as JSON or as record batches. */

import { spendOnPublish } from '../access/quotas/rates.ts';
import type { Hono } from 'hono';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import {
  exchangePublishQuerySchema,
  isSet,
  type ExchangeBatchesPublished,
  type ExchangePublished,
  type PublishedMessage,
} from '../../protocol/schemas/exchanges.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { problem } from '../http/problem.ts';
import { outgoingFromBatches, outgoingFromJson, type OutgoingPublish } from '../publish/outgoing.ts';
import { publish } from '../publish/publish.ts';
import { storedRuns } from '../publish/stored-runs.ts';
import { readQuery } from '../http/query.ts';
import { bodyKind, readBytes, readJson, type BodyKind } from '../http/request.ts';
import { requestTrace } from '../http/trace-context.ts';
import { bind } from './bind.ts';
import { readExchangePath, seenTopologyVersion, type AppContext, type AppEnv } from '../http/context.ts';

export function publishRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.publish, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const query = readQuery(c, exchangePublishQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const kind = bodyKind(c, true);
    if (isFailure(kind)) return problem(c, kind);
    const { mandatory, delivery } = query.fields;
    const read = await readOutgoing(c, kind, path.name, { isMandatory: isSet(mandatory), delivery });
    if (isFailure(read)) return problem(c, read);
    const overRate = spendOnPublish(c, read.outgoing.length);
    if (overRate) return problem(c, overRate);
    const { namespace, name } = path;
    const published = await publish(c.env, namespace, name, read, seenTopologyVersion(c));
    if (isFailure(published)) return problem(c, published);
    if (kind === 'batches') return c.json(summary(published, isSet(query.fields.destinations)));
    return c.json({ messages: published } satisfies ExchangePublished);
  });
}

async function readOutgoing(
  c: AppContext,
  kind: BodyKind,
  exchange: string,
  ofBatches: Parameters<typeof outgoingFromBatches>[2],
): Promise<OutgoingPublish | Failure> {
  const trace = requestTrace(c.req.raw);
  if (kind === 'batches') {
    const bytes = await readBytes(c.req.raw);
    return isFailure(bytes)
      ? bytes
      : await outgoingFromBatches(bytes, exchange, ofBatches, trace, Date.now());
  }
  const body = await readJson(c.req.raw, ['messages', null, 'body']);
  return isFailure(body) ? body : outgoingFromJson(body.json, exchange, trace, Date.now());
}

/** Who sends batches sends many: each message's destinations would be longer than the message. */
function summary(
  published: readonly PublishedMessage[],
  withDestinations: boolean,
): ExchangeBatchesPublished {
  const unroutable = published.flatMap((message, index) => (message.unroutable ? [index] : []));
  const reply = { count: published.length, unroutable };
  return withDestinations ? { ...reply, destinations: storedRuns(published) } : reply;
}
