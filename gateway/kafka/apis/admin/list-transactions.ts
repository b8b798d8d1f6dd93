/** ListTransactions: the transactional ids that have been used, and what their transactions are at. */

import type { TransactionList, TransactionState } from '../../../../protocol/schemas/transactions.ts';
import { listAll } from '../../../../sdk/client/list-pages.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf } from '../../broker/broker-errors.ts';
import type { Handler, Session } from '../../session.ts';
import { TopicPattern } from '../../topics/topic-pattern.ts';
import { findTransaction, KAFKA_STATES, stateOf } from './describe-transactions.ts';

interface ListTransactionsRequest {
  stateFilters: string[];
  producerIdFilters: number[];
  /** In ms; below 0: all. */
  durationFilter: number;
  /** Null or empty: all. */
  transactionalIdPattern: string | null;
}

/** Ids that are asked at the same time. */
const AT_ONCE = 32;

export const listTransactions: Handler<ListTransactionsRequest> = async (session, request) => {
  const { stateFilters, transactionalIdPattern: text } = request;
  const pattern = text ? TopicPattern.compile(text) : null;
  const unknownStateFilters = stateFilters.filter((state) => !KAFKA_STATES.has(state));
  const answer = { errorCode: ERRORS.NONE, unknownStateFilters, transactionStates: [] };
  if (typeof pattern === 'string') {
    return { ...answer, errorCode: ERRORS.INVALID_REGULAR_EXPRESSION, unknownStateFilters: [] };
  }
  if (unknownStateFilters.length === stateFilters.length && stateFilters.length > 0) return answer;
  try {
    const all = await usedIds(session);
    const ids = pattern === null ? all : await pattern.matched(all);
    const found: (TransactionState | null)[] = [];
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      found.push(
        ...(await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => findTransaction(session, id)))),
      );
    }
    const nowMs = Date.now();
    const asked = found.filter((state) => state !== null && isAsked(state, request, nowMs));
    return { ...answer, transactionStates: (asked as TransactionState[]).map(listed) };
  } catch (error) {
    return { ...answer, errorCode: failureOf(error, 'transaction').errorCode };
  }
};

async function usedIds({ client }: Session): Promise<string[]> {
  const idsOf = ({ transactions }: TransactionList): string[] =>
    transactions.map(({ transactional_id: id }) => id);
  return await listAll(client.transport, '/transactions', idsOf, {});
}

/** Where a duration is asked for, what is not open has none. */
function isAsked(
  state: TransactionState,
  { stateFilters, producerIdFilters, durationFilter }: ListTransactionsRequest,
  nowMs: number,
): boolean {
  if (producerIdFilters.length > 0 && !producerIdFilters.includes(state.producer.id)) return false;
  if (stateFilters.length > 0 && !stateFilters.includes(stateOf(state))) return false;
  return durationFilter < 0 || (state.started_at !== null && nowMs - state.started_at > durationFilter);
}

function listed(state: TransactionState): object {
  return {
    transactionalId: state.transactional_id,
    producerId: state.producer.id,
    transactionState: stateOf(state),
  };
}
