/** Request-reply: publishing a message and waiting for the reply to it. */

import type { Hono } from 'hono';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { writtenExchange } from '../../protocol/exchanges.ts';
import type { MessageOut } from '../../protocol/messages.ts';
import { operations } from '../../protocol/operations/index.ts';
import { requestSchema, type RequestReply } from '../../protocol/requests.ts';
import { problem } from '../problem.ts';
import { outgoingFromJson } from '../publish/outgoing.ts';
import { publish } from '../publish/publish.ts';
import { readBody } from '../request.ts';
import { openReplyWait } from '../request-reply/mailbox.ts';
import { bind, seenTopologyVersion, type AppContext, type AppEnv } from './context.ts';
import { readExchangePath } from './exchanges.ts';

export function requestRoutes(app: Hono<AppEnv>): void {
  bind(app, operations.request, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, requestSchema);
    if (isFailure(body)) return problem(c, body);
    const { wait_ms: waitMs, ...message } = body.fields;
    if (message.properties?.reply_to !== undefined) {
      return problem(c, failure('invalid_message', 'properties.reply_to: this call sets it'));
    }
    const done = new AbortController();
    try {
      const signal = AbortSignal.any([c.req.raw.signal, done.signal]);
      const { replyTo, reply } = await openReplyWait(c.env, path.namespace, waitMs, signal);
      const request = { ...message, properties: { ...message.properties, reply_to: replyTo } };
      const failed = await send(c, path, request);
      if (failed) return problem(c, failed);
      const frame = await reply;
      if (frame === null || frame === 'given up') {
        const why = frame === null ? `within ${waitMs} ms` : 'before the wait was broken off';
        return problem(c, failure('no_reply', `the request was stored, but no reply came ${why}`));
      }
      const answer = JSON.parse(new TextDecoder().decode(frame)) as MessageOut;
      return c.json({ reply: answer } satisfies RequestReply);
    } finally {
      done.abort(); // a wait that nobody needs any more
    }
  });
}

/** Publishes the request; a failure where nobody has it. */
async function send(
  c: AppContext,
  { namespace, name }: { namespace: string; name: string },
  request: object,
): Promise<Failure | null> {
  const messages = [{ ...request, mandatory: true }];
  const outgoing = outgoingFromJson({ messages }, name, Date.now());
  if (isFailure(outgoing)) return outgoing;
  const published = await publish(c.env, namespace, name, outgoing, seenTopologyVersion(c));
  if (isFailure(published)) return published;
  if (!published[0]!.unroutable) return null;
  return failure('unroutable', `no binding of exchange "${writtenExchange(name)}" takes the request`);
}
