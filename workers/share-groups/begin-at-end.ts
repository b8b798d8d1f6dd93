/** Begin of a share group with `start: latest`: where its partitions end when it is declared, however late its members come. */

import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { Env } from '../../durable-objects/env.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { callShared, sharePartitions } from './share-partitions.ts';

/** A partition that does not answer notes it with the first call for records. */
export async function beginAtEnd(env: Env, group: ShareGroupDefinition, version: number): Promise<void> {
  if (group.config.start !== 'latest') return;
  const places = await sharePartitions(env, group, version);
  const nothing = { memberId: '', recordsMax: 0, bytesMax: 1, lockMs: 1_000, isAccepted: false };
  await inBatches(places, (place) =>
    callShared(
      env,
      group,
      place,
      async (stub, known, current) => await stub.acquireShared(known, { ...nothing, group: current }),
    ),
  );
}
