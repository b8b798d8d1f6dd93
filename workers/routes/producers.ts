/** Producer ids. */

import type { Hono } from 'hono';
import { needsOf } from '../../core/access/reach.ts';
import { failure, isFailure } from '../../protocol/errors.ts';
import { TRANSACTION_TIMEOUT_MS_DEFAULT } from '../../protocol/limits.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { producerDeclarationSchema, type ProducerReply } from '../../protocol/schemas/producers.ts';
import { newProducerId } from '../produce/producer-ids.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { callTransaction } from '../calls/transaction-call.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readNamespace, type AppEnv } from '../http/context.ts';

export function producerRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.makeProducer, async (c) => {
    const namespace = readNamespace(c);
    if (isFailure(namespace)) return problem(c, namespace);
    const body = await readBody(c, producerDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const { transactional_id: transactionalId, transaction_timeout_ms: timeoutMs, producer } = body.fields;
    if (transactionalId === undefined && (timeoutMs !== undefined || producer !== undefined)) {
      const field = producer === undefined ? 'transaction_timeout_ms' : 'producer';
      return problem(c, failure('invalid_field', `body ${field}: only with a transactional_id`));
    }
    const refused =
      transactionalId === undefined ? null : refuseReach(c, needsOf('group', [transactionalId], 'write'));
    if (refused) return problem(c, refused);
    const id = await newProducerId(c.env, namespace);
    if (transactionalId === undefined) return c.json({ id, epoch: 0 } satisfies ProducerReply);
    const identity = await callTransaction(c.env, namespace, transactionalId, (stub) =>
      stub.initialise(transactionalId, timeoutMs ?? TRANSACTION_TIMEOUT_MS_DEFAULT, id, producer ?? null),
    );
    return isFailure(identity) ? problem(c, identity) : c.json(identity satisfies ProducerReply);
  });
}
