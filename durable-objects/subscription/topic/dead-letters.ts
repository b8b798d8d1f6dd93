/**
 * Dead letters of a subscription on their way: sends records that failed for good to their queue, in order, at least once. The
 * queue remembers the last number that it took from this subscription, so it stores each once. What cannot be sent stays, and holds up
 * only what goes to the same queue.
 */

import { forQueue } from '../../../core/share/dead-letter.ts';
import type { SubscriptionDefinition } from '../../../core/topology/subscriptions.ts';
import { definitionsOf, directDestination, sendTo } from '../../forwarding/destinations.ts';
import { messagesIn } from '../../forwarding/messages.ts';
import type { Env } from '../../env.ts';
import type { LettersRow, ProgressStore } from './progress-store.ts';

/** Numbers of one row: more than its records, so that numbers grow from row to row. */
const NUMBERS_PER_ROW = 10_000;

/**
 * @param definition null: the subscription was deleted
 * @returns why something could not be sent; null if all was
 */
export async function sendDeadLetters(
  env: Env,
  store: ProgressStore,
  definition: () => SubscriptionDefinition | null,
): Promise<string | null> {
  const problems = new Map<string, string>();
  for (;;) {
    const now = definition();
    const row = now && store.nextLetters(problems.keys());
    if (!now || !row) break;
    const problem = await sendRow(env, now, row).catch(String);
    if (problem !== null) problems.set(row.queue, problem);
    else if (definition()?.id === now.id) store.removeLetters(row.number);
  }
  return problems.size === 0 ? null : [...problems.values()].join('; ');
}

async function sendRow(
  env: Env,
  { namespace, name, id }: SubscriptionDefinition,
  { number, queue, data }: LettersRow,
): Promise<string | null> {
  const messages = messagesIn(data, forQueue);
  const batch = { destination: directDestination({ queue }), indexes: [...messages.records.keys()] };
  const definitions = await definitionsOf(env, namespace, [batch]);
  const source = { name: `subscription ${name}#${id}`, firstNumber: number * NUMBERS_PER_ROW };
  const failed = await sendTo(env, definitions, batch, messages, source, number);
  return failed?.message ?? null;
}
