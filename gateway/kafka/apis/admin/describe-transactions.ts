/** DescribeTransactions: the state of transactional ids. */

import { isWideName } from '../../../../protocol/names/name-rule.ts';
import type { TransactionState } from '../../../../protocol/schemas/transactions.ts';
import { asPosthornError } from '../../../../sdk/errors.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf } from '../../broker/broker-errors.ts';
import type { Handler, Session } from '../../session.ts';

const STATES = {
  empty: 'Empty',
  open: 'Ongoing',
  committing: 'PrepareCommit',
  aborting: 'PrepareAbort',
} as const;

/** All states that Kafka has names for. */
export const KAFKA_STATES: ReadonlySet<string> = new Set([
  ...Object.values(STATES),
  ...['CompleteCommit', 'CompleteAbort', 'PrepareEpochFence', 'Dead'],
]);

const UNKNOWN = {
  transactionState: '',
  transactionTimeoutMs: 0,
  transactionStartTimeMs: -1,
  producerId: -1,
  producerEpoch: -1,
  topics: [],
};

export const describeTransactions: Handler<{ transactionalIds: string[] }> = async (
  session,
  { transactionalIds },
) => ({
  transactionStates: await Promise.all(
    transactionalIds.map(async (transactionalId) => ({
      transactionalId,
      ...(await describe(session, transactionalId)),
    })),
  ),
});

async function describe(session: Session, transactionalId: string): Promise<object> {
  try {
    const found = isWideName(transactionalId) ? await findTransaction(session, transactionalId) : null;
    if (found === null) return { ...UNKNOWN, errorCode: ERRORS.TRANSACTIONAL_ID_NOT_FOUND };
    return {
      errorCode: ERRORS.NONE,
      transactionState: stateOf(found),
      transactionTimeoutMs: found.transaction_timeout_ms,
      transactionStartTimeMs: found.started_at ?? -1,
      producerId: found.producer.id,
      producerEpoch: found.producer.epoch,
      topics: topicsOf(found),
    };
  } catch (error) {
    return { ...UNKNOWN, errorCode: failureOf(error, 'transaction').errorCode };
  }
}

/** Null: the id has no transactions. */
export async function findTransaction(
  { client }: Session,
  transactionalId: string,
): Promise<TransactionState | null> {
  try {
    const path = `/transactions/${encodeURIComponent(transactionalId)}`;
    return await client.transport.json<TransactionState>({ method: 'GET', path });
  } catch (cause) {
    const error = asPosthornError(cause);
    if (error.code === 'transaction_not_found') return null;
    throw error;
  }
}

/** Of a transaction that has ended and began no other, Kafka tells how. */
export function stateOf({ state, last }: TransactionState): string {
  if (state !== 'empty' || last === null) return STATES[state];
  return last.outcome === 'commit' ? 'CompleteCommit' : 'CompleteAbort';
}

function topicsOf({ state, partitions }: TransactionState): object[] {
  if (state === 'empty') return [];
  const written = partitions.filter(({ group }) => group === undefined);
  return [...Map.groupBy(written, ({ topic }) => topic)].map(([topic, some]) => ({
    topic,
    partitions: some.map(({ partition }) => partition),
  }));
}
