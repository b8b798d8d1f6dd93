/** One call of a Worker that a subscription pushes to, by RPC through its service binding: nobody else can make such a call. */

import { readWorkerReply, type RetriedMessage } from '../../../core/subscription/worker-reply.ts';
import type { SubscriptionDefinition } from '../../../core/topology/subscriptions.ts';
import { cutText } from '../../../protocol/cut-text.ts';
import type { PushBatch, PushBatchMessage } from '../../../protocol/push-batch.ts';
import { PUSH_REPLY_BYTES_MAX } from '../../../protocol/schemas/subscriptions.ts';
import type { PushMessage } from '../push-message.ts';
import type { PushOutcome } from '../send-push.ts';
import { boundWorker, unbound } from './bound-worker.ts';

/** A handler that threw is what an endpoint is that answers so. */
const THROWN_STATUS = 500;

/** Of what a Worker has thrown, in a list of attempts. */
const MESSAGE_LENGTH_MAX = 200;

const LATE = Symbol('late');

/** Never rejects. */
export async function callWorker(
  env: object,
  definition: SubscriptionDefinition,
  worker: string,
  messages: readonly PushMessage[],
  isTest: boolean,
): Promise<PushOutcome> {
  const bound = boundWorker(env, worker);
  if (bound === null) return { error: unbound(worker).message, reply: null };
  const { reply_timeout_ms: timeoutMs } = definition.config;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), timeoutMs);
  });
  const call = bound.posthorn(batchOf(definition, messages, isTest));
  try {
    const value = await Promise.race([call, late]);
    if (value === LATE) return { error: `the Worker did not return within ${timeoutMs} ms`, reply: null };
    return outcomeOf(value, messages.length);
  } catch (error) {
    return outcomeOfError(error, messages.length);
  } finally {
    clearTimeout(timer);
    call[Symbol.dispose]?.();
  }
}

function outcomeOf(value: unknown, count: number): PushOutcome {
  const reply = readWorkerReply(value, count);
  if (typeof reply === 'string') return thrown({ message: reply, stack: '' }, all(count), count);
  const { retried, thrown: error } = reply;
  if (error !== null) return thrown(error, retried, count);
  return { status: 200, retryAfterMs: null, reply: null, worker: { retried, count, error: null } };
}

/** The handler has no wrapper that catches what it throws, or the runtime could not call it. */
function outcomeOfError(error: unknown, count: number): PushOutcome {
  const { message, stack = '', remote } = error as Error & { remote?: boolean };
  if (remote === true) return thrown({ message, stack }, all(count), count);
  return { error: `the Worker could not be called: ${cutText(message, MESSAGE_LENGTH_MAX)}`, reply: null };
}

function thrown(
  { message, stack }: { message: string; stack: string },
  retried: readonly RetriedMessage[],
  count: number,
): PushOutcome {
  const error = cutText(message, MESSAGE_LENGTH_MAX);
  const reply = cutText(stack || message, PUSH_REPLY_BYTES_MAX) || null;
  return { status: THROWN_STATUS, retryAfterMs: null, reply, worker: { retried, count, error } };
}

const all = (count: number): RetriedMessage[] =>
  Array.from({ length: count }, (_, index) => ({ index, delayMs: null }));

function batchOf(
  { namespace, name }: SubscriptionDefinition,
  messages: readonly PushMessage[],
  isTest: boolean,
): PushBatch {
  const { kind, name: from } = messages[0]!.origin;
  const source = kind === 'queue' ? { queue: from } : { topic: from };
  return { namespace, subscription: name, source, is_test: isTest, messages: messages.map(wireOf) };
}

function wireOf({ id, attempt, origin, record }: PushMessage): PushBatchMessage {
  return {
    id,
    attempt,
    timestamp: record.timestamp,
    key: ownBytes(record.key),
    body: ownBytes(record.value),
    headers: record.headers.map(({ key, value }) => ({ key, value: ownBytes(value) })),
    ...(origin.kind === 'topic' && { position: { partition: origin.partition, offset: record.offset } }),
  };
}

/** Of a view the runtime would copy the whole buffer, which is that of a read. */
const ownBytes = (bytes: Uint8Array | null): Uint8Array | null => bytes && bytes.slice();
