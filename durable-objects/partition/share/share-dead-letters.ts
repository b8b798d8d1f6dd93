/**
 * Share-group dead letters on their way: sends them from a partition to their queue or topic, in order, at least once. A
 * queue remembers the last number that it took from this partition, so it stores each once. What cannot be sent stays,
 * and holds up only what its own group sends.
 */

import { forQueue } from '../../../core/share/dead-letter.ts';
import { definitionsOf, directDestination, sendTo } from '../../forwarding/destinations.ts';
import { messagesIn } from '../../forwarding/messages.ts';
import { RetryTask } from '../../forwarding/retry-task.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import type { PartitionDefinition } from '../../rpc/partition.ts';
import type { Env } from '../../env.ts';
import type { DeadLetterRow, ShareStore } from './share-store.ts';

/** Numbers of one row: more than its records, so that numbers grow from row to row. */
const NUMBERS_PER_ROW = 10_000;

/** What exists while the partition is defined. */
interface Open {
  shared: { store: ShareStore };
  definition: PartitionDefinition;
}

/** @param open what the partition has now; null if it was deleted */
export function shareDeadLetterTask(context: ObjectContext, open: () => Open | null): RetryTask {
  return new RetryTask(context, 'share-dead-letters', {
    label: () => 'dead letters of share groups',
    hasWork: () => (open()?.shared.store.nextDeadLetters(0) ?? null) !== null,
    send: () => sendShareDeadLetters(context.env, open),
  });
}

/**
 * @param open what the partition has now; null if it was deleted
 * @returns why something could not be sent; null if all was
 */
export async function sendShareDeadLetters(env: Env, open: () => Open | null): Promise<string | null> {
  const problems = new Map<string, string>();
  let after = 0;
  for (;;) {
    const now = open();
    const row = now?.shared.store.nextDeadLetters(after) ?? null;
    if (!now || row === null) break;
    after = row.number;
    if (problems.has(row.group)) continue;
    const problem = await sendRow(env, now.definition, row).catch(String);
    if (problem !== null) problems.set(row.group, problem);
    else if (open()?.shared === now.shared) now.shared.store.removeDeadLetters(row.number);
  }
  if (problems.size === 0) return null;
  return [...problems].map(([group, problem]) => `share group ${group}: ${problem}`).join('; ');
}

async function sendRow(
  env: Env,
  { topic, partition }: PartitionDefinition,
  { number, group, groupId, target, data }: DeadLetterRow,
): Promise<string | null> {
  const messages = messagesIn(data, 'queue' in target ? forQueue : undefined);
  const batch = { destination: directDestination(target), indexes: [...messages.records.keys()] };
  const definitions = await definitionsOf(env, topic.namespace, [batch]);
  const name = `share ${group}#${groupId} ${topic.name}#${topic.id}/${partition}`;
  const source = { name, firstNumber: number * NUMBERS_PER_ROW };
  const failed = await sendTo(env, definitions, batch, messages, source, number);
  return failed?.message ?? null;
}
