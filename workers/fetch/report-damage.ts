/** Reports of damage in a stored log, to the log of the worker and to the partition, which counts them in its state. */

import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { DamagedRange } from './fetch-json.ts';
import { callPartition } from '../calls/partition-call.ts';
import type { AppContext } from '../http/context.ts';

/** The reader gets its answer first. Nobody waits for the report. */
export function reportDamage(
  c: AppContext,
  topic: TopicDefinition,
  partition: number,
): (range: DamagedRange) => void {
  return ({ offset, next_offset: nextOffset }) => {
    console.error(
      `topic ${topic.name} partition ${partition}: stored records from ${offset} to before ${nextOffset} are damaged`,
    );
    c.executionCtx.waitUntil(
      callPartition(c.env, topic, partition, (stub, version) => stub.noteDamage(version, offset)),
    );
  };
}
