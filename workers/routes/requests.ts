/** Request-reply: publishing a message and waiting for the reply to it. */

import { spendOnPublish } from '../access/quotas/rates.ts';
import type { Hono } from 'hono';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { writtenExchange } from '../../protocol/schemas/exchanges.ts';
import { JsonText } from '../../protocol/json/json-text.ts';
import { PROPERTY_HEADERS, textHeader } from '../../protocol/schemas/messages.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { requestQuerySchema, requestSchema } from '../../protocol/schemas/requests.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { outgoingFromBatches, outgoingFromJson, type Outgoing } from '../publish/outgoing.ts';
import { publish } from '../publish/publish.ts';
import { readQuery } from '../http/query.ts';
import { bodyKind, readBody, readBytes } from '../http/request.ts';
import { requestTrace } from '../http/trace-context.ts';
import { openReplyWait } from '../request-reply/mailbox.ts';
import { bind } from './bind.ts';
import { readExchangePath, seenTopologyVersion, type AppContext, type AppEnv } from '../http/context.ts';

export function requestRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.request, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const asked = await readRequest(c, path.name);
    if (isFailure(asked)) return problem(c, asked);
    const overRate = spendOnPublish(c, 1);
    if (overRate) return problem(c, overRate);
    const { waitMs } = asked;
    const done = new AbortController();
    try {
      const signal = AbortSignal.any([c.req.raw.signal, done.signal]);
      const { replyTo, reply } = await openReplyWait(c.env, path.namespace, waitMs, signal);
      const failed = await send(c, path, addressed(asked.request, replyTo));
      if (failed) return problem(c, failed);
      const frame = await reply;
      if (frame === null || frame === 'given up') {
        const why = frame === null ? `within ${waitMs} ms` : 'before the wait was broken off';
        return problem(c, failure('no_reply', `the request was stored, but no reply came ${why}`));
      }
      return jsonReply(c, { reply: JsonText.ofBytes(frame) });
    } finally {
      done.abort(); // a wait that nobody needs any more
    }
  });
}

/** The request as JSON, or as a record batch of one message. */
async function readRequest(
  c: AppContext,
  exchange: string,
): Promise<{ request: Outgoing; waitMs: number } | Failure> {
  const query = readQuery(c, requestQuerySchema);
  if (isFailure(query)) return query;
  const kind = bodyKind(c, true);
  if (isFailure(kind)) return kind;
  const trace = requestTrace(c.req.raw);
  if (kind === 'batches') {
    const bytes = await readBytes(c.req.raw);
    if (isFailure(bytes)) return bytes;
    const one = { isMandatory: true, delivery: undefined };
    const read = await outgoingFromBatches(bytes, exchange, one, trace, Date.now());
    if (isFailure(read)) return read;
    const { outgoing } = read;
    if (outgoing.length !== 1)
      return failure('invalid_message', `${outgoing.length} messages; a request is one`);
    const [request] = outgoing;
    if (request!.record.headers?.some(({ key }) => key === PROPERTY_HEADERS.reply_to)) return replyToGiven();
    return { request: request!, waitMs: query.fields.wait_ms };
  }
  const body = await readBody(c, requestSchema, ['body']);
  if (isFailure(body)) return body;
  const { wait_ms: waitMs = query.fields.wait_ms, ...message } = body.fields;
  if (message.properties?.reply_to !== undefined) return replyToGiven();
  const messages = [{ ...message, mandatory: true }];
  const read = outgoingFromJson({ messages }, exchange, trace, Date.now());
  return isFailure(read) ? read : { request: read.outgoing[0]!, waitMs };
}

const replyToGiven = (): Failure => failure('invalid_message', 'properties.reply_to: this call sets it');

function addressed(request: Outgoing, replyTo: string): Outgoing {
  const header = textHeader(PROPERTY_HEADERS.reply_to, replyTo);
  return { ...request, record: { ...request.record, headers: [header, ...(request.record.headers ?? [])] } };
}

/** Publishes the request; a failure if nobody has it. */
async function send(
  c: AppContext,
  { namespace, name }: { namespace: string; name: string },
  request: Outgoing,
): Promise<Failure | null> {
  const published = await publish(c.env, namespace, name, { outgoing: [request] }, seenTopologyVersion(c));
  if (isFailure(published)) return published;
  if (!published[0]!.unroutable) return null;
  return failure('unroutable', `no binding of exchange "${writtenExchange(name)}" takes the request`);
}
