/** Deletes a queue as AMQP has it: a queue is in use if it has consumers. */

import type { Queues } from '../../../sdk/admin/queues.ts';
import { asPosthornError } from '../../../sdk/errors.ts';

export async function deleteQueue(
  queues: Queues,
  queue: string,
  { ifUnused, ifEmpty }: { ifUnused: boolean; ifEmpty: boolean },
): Promise<void> {
  try {
    await queues.delete(queue, { ifUnused, ifEmpty });
  } catch (error) {
    const { code, details } = asPosthornError(error);
    // The broker counts messages too that were got and are not settled.
    if (code !== 'queue_in_use' || details['consumers'] !== 0) throw error;
    await queues.delete(queue, { ifEmpty });
  }
}
