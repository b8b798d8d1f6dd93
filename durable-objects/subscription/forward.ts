/**
 * Forwarding: stores the messages of a request in a queue or topic, perhaps of another namespace. The outcome has the status that
 * an endpoint would have answered.
 *
 * A queue takes each record of a topic once, by its offset. Other messages may be stored twice after a crash.
 */

import { forwardedRecord } from '../../core/subscription/forwarded-record.ts';
import { LOOP_STATUS } from '../../core/subscription/push-verdict.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import { checkTopicRecord } from '../../core/topology/topic-record.ts';
import { errorTable, type Failure } from '../../protocol/errors.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import type { StoreTarget } from '../../protocol/schemas/subscriptions.ts';
import type { Env } from '../env.ts';
import { definitionsOf, directDestination, sendTo } from '../forwarding/destinations.ts';
import { gone } from '../forwarding/hand-over.ts';
import type { PushMessage } from './push-message.ts';
import type { PushOutcome } from './send-push.ts';

/** It may reject: then the messages were stored or not. */
export async function forward(
  env: Env,
  { namespace }: Pick<SubscriptionDefinition, 'namespace'>,
  target: StoreTarget,
  messages: readonly PushMessage[],
): Promise<PushOutcome> {
  const destination = directDestination(target);
  const to = 'queue' in target ? 'queue' : 'topic';
  const records = messages.map(({ record, origin }) => forwardedRecord(record, origin.kind, to));
  if (records.includes(null)) return answer(LOOP_STATUS, 'the message has been handed on too often');
  const batch = { destination, indexes: [...records.keys()] };
  const definitions = await definitionsOf(env, target.namespace ?? namespace, [batch]);
  const topic = definitions.topics.get(destination.name);
  if (to === 'topic' && !topic) return outcomeOf(gone('topic', destination.name));
  for (const record of topic ? (records as LogRecord[]) : []) {
    const refused = checkTopicRecord(topic!, record);
    if (refused) return outcomeOf(refused);
  }
  const [{ numbered, origin }] = messages as [PushMessage];
  const source = numbered && {
    name: numbered.by,
    firstNumber: numbered.number,
    numbers: messages.map((message) => message.numbered!.number),
  };
  const keyless = origin.kind === 'topic' ? origin.partition : Math.floor(Math.random() * 1_000);
  const sent = { records: records as LogRecord[], bytes: null };
  return outcomeOf(await sendTo(env, definitions, batch, sent, source ?? null, keyless));
}

function outcomeOf(failed: Failure | null): PushOutcome {
  if (failed === null) return { status: 202, retryAfterMs: null, reply: null };
  if (failed.code === 'queue_full') return answer(429, failed.message);
  const { status, retryable } = errorTable[failed.code];
  return retryable ? { error: failed.message, reply: null } : answer(status, failed.message);
}

const answer = (status: number, reply: string): PushOutcome => ({ status, retryAfterMs: null, reply });
