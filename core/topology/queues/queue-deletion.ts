/** Conditions under which a queue may be deleted. */

import { failure, type Failure } from '../../../protocol/errors.ts';
import type { QueueStatus } from '../../../protocol/schemas/queues.ts';

export interface QueueDeletion {
  /** Only if no consumer waits or holds messages; `consumers`: if none waits. */
  ifUnused?: boolean | 'consumers';
  /** Only if it holds no message, and none of its messages is on its way to another object; `unleased`: but for those that are leased. */
  ifEmpty?: boolean | 'unleased';
  /** The queue itself asked for its deletion: only if still nobody uses it, or its last stream has left. */
  byItself?: 'unused' | 'left';
}

/**
 * Returns why the queue may not be deleted, or null.
 * @param isTaking true if messages are being stored that are not counted yet
 */
export function deletionProblem(
  name: string,
  { ready, leased, parked, outgoing, consumers }: QueueStatus,
  isTaking: boolean,
  { ifUnused, ifEmpty }: QueueDeletion,
): Failure | null {
  if (ifUnused && (consumers > 0 || (ifUnused === true && leased > 0))) {
    return failure(
      'queue_in_use',
      `queue "${name}" has ${consumers} consumers that wait, and ${leased} messages that consumers hold`,
      { consumers, leased },
    );
  }
  const messages = ready + (ifEmpty === 'unleased' ? 0 : leased) + parked + outgoing;
  if (ifEmpty && (messages > 0 || isTaking)) {
    return failure('queue_not_empty', `queue "${name}" holds ${messages || 'new'} messages`, { messages });
  }
  return null;
}
