/**
 * Deletion of a queue by itself: asks the topology to delete it. The queue is asked again before it closes, because a
 * consumer may have come meanwhile.
 */

import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import { topologyStub } from '../../stubs.ts';
import type { Env } from '../../env.ts';

/** Never rejects. */
export async function deleteItself(
  env: Env,
  { namespace, name, id }: QueueDefinition,
  byItself: 'unused' | 'left',
): Promise<void> {
  try {
    await topologyStub(env, namespace).deleteQueue(name, { id, byItself });
  } catch (error) {
    console.error(`queue ${name} could not be deleted`, error);
  }
}
