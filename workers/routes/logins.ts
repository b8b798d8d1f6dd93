/** Logins: exchanges of SCRAM, by which a client that does not send its secret gets a credential for a while. */

import type { Hono } from 'hono';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { scramStepSchema, type ScramReply } from '../../protocol/schemas/logins.ts';
import { countRefusal } from '../access/audit.ts';
import { beginScram, finishScram } from '../access/login/scram-exchange.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { bind } from './bind.ts';

export function loginRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.logInByScram, async (c) => {
    const body = await readBody(c, scramStepSchema);
    if (isFailure(body)) return problem(c, body);
    const { mechanism, binder, client_first: clientFirst, client_final: clientFinal } = body.fields;
    const request = { mechanism, binder, clientFirst, address: c.req.header('cf-connecting-ip') ?? '' };
    if (clientFinal === undefined) {
      const begun = await beginScram(c.env, request, Date.now());
      return isFailure(begun) ? refused(c, begun) : c.json({ server_first: begun } satisfies ScramReply);
    }
    const done = await finishScram(c.env, request, clientFinal, Date.now());
    if (isFailure(done)) return refused(c, done);
    const { serverFinal, credential, endsMs, namespace } = done;
    return c.json({
      server_final: serverFinal,
      credential,
      expires_at: endsMs,
      namespace,
    } satisfies ScramReply);
  });
}

function refused(c: AppContext, cause: Failure): Response {
  const { code } = cause;
  if (code === 'unauthenticated') countRefusal(c, { identity: null, operation: calls.logInByScram.id, code });
  return problem(c, cause);
}
