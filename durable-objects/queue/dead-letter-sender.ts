/**
 * Takes dead letters from the outbox of a queue to where they go. Each is sent at least once, in order, with a number that
 * the other side remembers, so that one sent twice is stored once.
 */

import { defaultDeadLetterQueue, type QueueDefinition } from '../../core/topology/queues.ts';
import { isFailure } from '../../protocol/errors.ts';
import { queueStub, topologyStub, type Env } from '../stubs.ts';
import { isStale } from './queue-calls.ts';
import type { StoredQueue } from './stored-queue.ts';

/** @throws where the target cannot take them now: they stay in the outbox */
export async function sendDeadLetters(
  env: Env,
  definition: QueueDefinition,
  queue: StoredQueue,
): Promise<void> {
  let target: QueueDefinition | null = null;
  const source = `${definition.name}#${definition.id}`;
  for (let row = queue.nextOutbox(); row !== null; row = queue.nextOutbox()) {
    target ??= await findTarget(env, definition);
    // A queue that is its own target would fill itself for ever.
    if (target !== null && target.id !== definition.id) {
      const options = { source: { name: source, firstNumber: row.number } };
      const result = await queueStub(env, target).publish(target.version, row.data, options);
      if (isStale(result)) {
        await topologyStub(env, definition.namespace).settle();
        throw new Error(`queue ${target.name} has another definition by now`);
      }
      if (isFailure(result)) throw new Error(result.message);
    }
    queue.removeOutbox(row);
  }
}

/** Null where there is no such target: the messages are dropped, as RabbitMQ drops them. */
async function findTarget(env: Env, definition: QueueDefinition): Promise<QueueDefinition | null> {
  const { dead_letter: deadLetter } = definition.config;
  const topology = topologyStub(env, definition.namespace);
  if (deadLetter === null) {
    const name = defaultDeadLetterQueue(definition.name);
    const known = (await topology.queue(name)).queue;
    if (known) return known as QueueDefinition;
    const declared = await topology.declareQueue(definition.namespace, name, { dead_letter: 'none' });
    if (isFailure(declared)) throw new Error(declared.message);
    return declared.queue as QueueDefinition;
  }
  if (deadLetter === 'none') return null;
  if ('queue' in deadLetter) return (await topology.queue(deadLetter.queue)).queue as QueueDefinition | null;
  throw new Error('dead-lettering to an exchange is not there yet; the messages wait');
}
