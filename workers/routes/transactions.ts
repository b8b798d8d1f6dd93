/** Transactions: how they are, and how they end. They begin with the first records that are produced in them. */

import type { Hono } from 'hono';
import type { Outcome } from '../../core/transaction/transaction.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { isName, NAME_RULE } from '../../protocol/names.ts';
import { operations } from '../../protocol/operations/index.ts';
import {
  transactionEndSchema,
  type TransactionEndReply,
  type TransactionState,
} from '../../protocol/transactions.ts';
import { problem } from '../problem.ts';
import { readBody } from '../request.ts';
import { callTransaction } from '../transaction-call.ts';
import { bind, readNamespace, type AppContext, type AppEnv } from './context.ts';

export function transactionRoutes(app: Hono<AppEnv>): void {
  bind(app, operations.getTransaction, async (c) => {
    const path = readPath(c);
    if (isFailure(path)) return problem(c, path);
    const { namespace, transactionalId } = path;
    const found = await callTransaction(c.env, namespace, transactionalId, (stub) => stub.describe());
    if (isFailure(found)) return problem(c, found);
    if (found === null) {
      return problem(
        c,
        failure('transaction_not_found', `there is no transactional id "${transactionalId}" in use`),
      );
    }
    return c.json({
      transactional_id: transactionalId,
      producer: found.producer,
      state: found.state,
      started_at: found.startedMs,
      transaction_timeout_ms: found.timeoutMs,
      partitions: found.parts.map(({ topic, partition }) => ({ topic: topic.name, partition })),
      last: found.last,
      meter: { rows_written: found.rowsWritten },
    } satisfies TransactionState);
  });

  bind(app, operations.commitTransaction, (c) => endTransaction(c, 'commit'));
  bind(app, operations.abortTransaction, (c) => endTransaction(c, 'abort'));
}

async function endTransaction(c: AppContext, outcome: Outcome): Promise<Response> {
  const path = readPath(c);
  if (isFailure(path)) return problem(c, path);
  const body = await readBody(c, transactionEndSchema);
  if (isFailure(body)) return problem(c, body);
  const { namespace, transactionalId } = path;
  const ended = await callTransaction(c.env, namespace, transactionalId, (stub) =>
    stub.end(transactionalId, body.fields.producer, outcome),
  );
  return isFailure(ended) ? problem(c, ended) : c.json(ended satisfies TransactionEndReply);
}

function readPath(c: AppContext): { namespace: string; transactionalId: string } | Failure {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return namespace;
  const transactionalId = c.req.param('transactional_id') ?? '';
  if (isName(transactionalId)) return { namespace, transactionalId };
  return failure('invalid_name', `transactional id: expected ${NAME_RULE}`);
}
