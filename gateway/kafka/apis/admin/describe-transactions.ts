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

async function describe({ client }: Session, transactionalId: string): Promise<object> {
  const isPossible = isWideName(transactionalId);
  if (!isPossible) return { ...UNKNOWN, errorCode: ERRORS.TRANSACTIONAL_ID_NOT_FOUND };
  try {
    const path = `/transactions/${encodeURIComponent(transactionalId)}`;
    const found = await client.transport.json<TransactionState>({ method: 'GET', path });
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
    const isGone = asPosthornError(error).code === 'transaction_not_found';
    const { errorCode } = failureOf(error, 'transaction');
    return { ...UNKNOWN, errorCode: isGone ? ERRORS.TRANSACTIONAL_ID_NOT_FOUND : errorCode };
  }
}

/** Of a transaction that has ended and began no other, Kafka tells how. */
function stateOf({ state, last }: TransactionState): string {
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
