/**
 * Dead letters as records and as JSON. The message stays unchanged: body, key, headers and properties. Headers of the
 * broker beside them describe its end (their contents are in protocol/schemas/dead-letters.ts).
 */

import { BROKER_HOPS_MAX } from '../../../protocol/limits.ts';
import type { DeathReason } from '../../../protocol/schemas/death-reasons.ts';
import type {
  DeadLetterDetails,
  ErrorFields,
  StoredAttempts,
  StoredDeath,
} from '../../../protocol/schemas/dead-letters.ts';
import {
  ATTEMPTS_HEADER,
  DAMAGED_HEADER,
  DEATH_HEADER,
  DEATH_QUEUE_HEADER,
  DEATH_REASON_HEADER,
  DEATHS_HEADER,
  DELIVERIES_HEADER,
  EXCHANGE_HEADER,
  FAILURES_HEADER,
  HOPS_HEADER,
  PROPERTY_HEADERS,
  RESERVED_PREFIX,
  ROUTING_KEY_HEADER,
  textHeader,
} from '../../../protocol/schemas/messages.ts';
import { exchangeNameOf } from '../../../protocol/schemas/exchanges.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import {
  attemptsBefore,
  deathOf,
  deliveriesBefore,
  diedIn,
  failuresBefore,
  historyOf,
  hopsOf,
  reasonOf,
  textOf,
} from './death-headers.ts';
import { withEntry } from './death-history.ts';
import type { LeavingAttempts } from '../state/queue-machine.ts';

const decoder = new TextDecoder();

/**
 * These properties would take effect again in the dead-letter queue. So the death keeps them, and a replay restores
 * those that still apply.
 */
const LEFT_BEHIND = new Set<string>([
  PROPERTY_HEADERS.expiration_ms,
  PROPERTY_HEADERS.delay_ms,
  PROPERTY_HEADERS.deliver_at,
]);
const OF_ROUTE = new Set([EXCHANGE_HEADER, ROUTING_KEY_HEADER]);
const OF_ATTEMPTS = new Set([DELIVERIES_HEADER, FAILURES_HEADER, ATTEMPTS_HEADER]);
const OF_DEATH = new Set([DEATH_REASON_HEADER, DEATH_QUEUE_HEADER, DEATH_HEADER, DEATHS_HEADER, HOPS_HEADER]);

/** The attempts of a message, with those that it had before it was parked the last time. */
function attemptsOf(record: LogRecord, { attempts, error, consumerId }: LeavingAttempts) {
  const before = attemptsBefore(record);
  const hasFailed = (attempts?.lastMs ?? 0) > 0;
  const ofLast = hasFailed || error ? { error, consumer: consumerId } : before;
  const stored: StoredAttempts = {
    first: before?.first || (attempts?.firstMs ?? 0),
    last: attempts?.lastMs || (before?.last ?? 0),
    ...(ofLast?.error && { error: ofLast.error }),
    ...(ofLast?.consumer !== undefined && { consumer: ofLast.consumer }),
  };
  return {
    stored,
    deliveries: (attempts?.deliveries ?? 0) + deliveriesBefore(record),
    failures: (attempts?.failures ?? 0) + failuresBefore(record),
  };
}

/**
 * Returns the record of a message that waits for its next attempt.
 * @param position where it is now: the first is kept, so that all attempts of a message can be known as such
 */
export function retriedRecord(record: LogRecord, leaving: LeavingAttempts, position?: string): LogRecord {
  const { stored: attempts, deliveries, failures } = attemptsOf(record, leaving);
  const origin = attemptsBefore(record)?.origin ?? position;
  const stored: StoredAttempts = { ...attempts, ...(origin !== undefined && { origin }) };
  const headers = record.headers.filter(({ key }) => !OF_ATTEMPTS.has(key));
  headers.push(
    textHeader(DELIVERIES_HEADER, String(deliveries)),
    textHeader(FAILURES_HEADER, String(failures)),
    textHeader(ATTEMPTS_HEADER, JSON.stringify(stored)),
  );
  return { ...record, headers };
}

/** Returns the record of a message whose attempts begin anew. */
export function withoutAttempts(record: LogRecord): LogRecord {
  return { ...record, headers: record.headers.filter(({ key }) => !OF_ATTEMPTS.has(key)) };
}

/** Returns an ordinary message that represents a damaged one. */
export function withoutDamage(record: LogRecord): LogRecord {
  if (!record.headers.some(({ key }) => key === DAMAGED_HEADER)) return record;
  return { ...record, headers: record.headers.filter(({ key }) => key !== DAMAGED_HEADER) };
}

/**
 * Returns the record of a dead letter on its way. It begins anew there: published now, not delayed, without a time to
 * live.
 */
export function deathRecord(
  record: LogRecord,
  reason: DeathReason,
  queue: string,
  nowMs: number,
  leaving: LeavingAttempts = { attempts: null },
): LogRecord {
  const { stored, failures } = attemptsOf(record, leaving);
  const before = deathOf(record);
  const left = record.headers.filter(({ key }) => LEFT_BEHIND.has(key));
  const isLastAttempt = reason === 'delivery_limit' || reason === 'rejected';
  const death: StoredDeath = {
    original_queue: before?.original_queue ?? queue,
    at: nowMs,
    published: before?.published ?? record.timestamp,
    retries: Math.max(0, failures - (isLastAttempt ? 1 : 0)),
    ...stored,
    ...(left.length > 0
      ? { left: left.map(({ key, value }) => [key, decoder.decode(value ?? new Uint8Array())]) }
      : before?.left && { left: before.left }),
  };
  const headers = record.headers.filter(
    ({ key }) =>
      !LEFT_BEHIND.has(key) && !OF_ATTEMPTS.has(key) && !OF_DEATH.has(key) && key !== DAMAGED_HEADER,
  );
  headers.push(
    textHeader(DEATH_REASON_HEADER, reason),
    textHeader(DEATH_QUEUE_HEADER, queue),
    textHeader(DEATH_HEADER, JSON.stringify(death)),
    textHeader(DEATHS_HEADER, JSON.stringify(withEntry(historyOf(record), queue, reason, nowMs))),
    textHeader(HOPS_HEADER, String(hopsOf(record) + 1)),
  );
  return { ...record, timestamp: nowMs, headers };
}

/**
 * Returns a dead letter that leaves through an exchange, and by which routing key: its target's, or the one that it has now. The
 * message keeps the exchange and the routing key that it was published with.
 */
export function letterThrough(
  record: LogRecord,
  { exchange, routing_key: own }: { exchange: string; routing_key?: string | undefined },
  queue: string,
): LogRecord {
  const [last, ...earlier] = historyOf(record);
  const key = own ?? earlier[0]?.to?.[1] ?? textOf(record, ROUTING_KEY_HEADER) ?? queue;
  const history = [{ ...last, to: [exchangeNameOf(exchange), key] }, ...earlier];
  const headers = record.headers.filter((header) => header.key !== DEATHS_HEADER);
  headers.push(textHeader(DEATHS_HEADER, JSON.stringify(history)));
  return { ...record, headers };
}

/**
 * Returns the dead letter of a record of a topic: a copy that says where the record lies. Producers of a topic may set any header:
 * of the broker's own only the hops are taken over.
 * @param by the name of the group or subscription that gave it up
 */
export function topicDeathRecord(
  record: LogRecord,
  reason: DeathReason,
  { by, topic, partition }: { by: string; topic: string; partition: number },
  nowMs: number,
  leaving: LeavingAttempts,
): LogRecord {
  const headers = record.headers.filter(({ key }) => !key.startsWith(RESERVED_PREFIX));
  headers.push(
    textHeader('dead-letter-topic', topic),
    textHeader('dead-letter-partition', String(partition)),
    textHeader('dead-letter-offset', String(record.offset)),
    textHeader(HOPS_HEADER, String(Math.min(hopsOf(record), BROKER_HOPS_MAX))),
  );
  return deathRecord({ ...record, headers }, reason, by, nowMs, leaving);
}

/**
 * Returns the record of a replayed message: published now, with its own time to live and no delay. Its history and its
 * hops stay.
 */
export function replayedRecord(record: LogRecord, queue: string, nowMs: number): LogRecord {
  const headers = withoutDamage(record).headers.filter(
    ({ key }) => !OF_ATTEMPTS.has(key) && !OF_DEATH.has(key),
  );
  const isSet = headers.some(({ key }) => key === PROPERTY_HEADERS.expiration_ms);
  const left = isSet ? [] : (deathOf(record)?.left ?? []);
  const expiration = left.find(([name]) => name === PROPERTY_HEADERS.expiration_ms);
  if (expiration) headers.push(textHeader(...expiration));
  headers.push(
    textHeader(DEATHS_HEADER, JSON.stringify(withEntry(historyOf(record), queue, 'replayed', nowMs))),
    textHeader(HOPS_HEADER, String(hopsOf(record) + 1)),
  );
  return { ...record, timestamp: nowMs, headers };
}

/** Returns the message as it was published, as far as that is known. */
export function originalRecord(record: LogRecord): LogRecord {
  const death = deathOf(record);
  const left = (death?.left ?? []).map(([name, text]) => textHeader(name, text));
  const headers = record.headers.filter(({ key }) => !OF_ATTEMPTS.has(key) && !OF_DEATH.has(key));
  return { ...record, timestamp: death?.published ?? record.timestamp, headers: [...headers, ...left] };
}

/** Returns the headers of the broker that stay when the message is changed. The change decides about the properties. */
export function headersOfBroker(record: LogRecord): LogRecord['headers'] {
  const death = deathOf(record);
  return record.headers.flatMap((header) => {
    if (header.key !== DEATH_HEADER || death === null)
      return OF_ATTEMPTS.has(header.key) || OF_DEATH.has(header.key) || OF_ROUTE.has(header.key)
        ? [header]
        : [];
    const { left: _, ...rest } = death;
    return [textHeader(DEATH_HEADER, JSON.stringify(rest))];
  });
}

export function detailsOf(record: LogRecord): DeadLetterDetails {
  const death = deathOf(record);
  const error: ErrorFields = death?.error ?? {};
  return {
    error: {
      type: error.type ?? null,
      message: error.message ?? null,
      stack_trace: error.stack_trace ?? null,
    },
    metadata: {
      retry_count: death?.retries ?? 0,
      first_attempt: timeOf(death?.first),
      last_attempt: timeOf(death?.last),
      original_queue: death?.original_queue ?? null,
      consumer_id: death?.consumer ?? null,
      reason: reasonOf(record),
      exchange: textOf(record, EXCHANGE_HEADER),
      routing_key: textOf(record, ROUTING_KEY_HEADER),
      died_at: timeOf(death?.at),
      died_in: diedIn(record),
      hops: hopsOf(record),
      history: historyOf(record).map(({ queue, reason, count, first, last }) => ({
        queue,
        reason,
        count,
        first_at: new Date(first).toISOString(),
        last_at: new Date(last).toISOString(),
      })),
    },
  };
}

function timeOf(ms: number | undefined): string | null {
  return ms ? new Date(ms).toISOString() : null;
}
