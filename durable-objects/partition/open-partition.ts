/** Open partition: what exists while a partition is defined. */

import type { ColdPart } from '../storage/cold-part.ts';
import { Compactor } from '../storage/compactor.ts';
import { DamageNotes } from '../storage/damage-notes.ts';
import { SegmentLog } from '../storage/segment-log.ts';
import type { Sql } from '../storage/sql.ts';
import type { PartitionDefinition } from '../rpc/partition.ts';
import { GroupOffsets } from './groups/group-offsets.ts';
import type { Cleanable } from './log/clean-up.ts';
import { ProducedLog } from './log/produced-log.ts';
import { zlibCodec } from '../storage/zlib-codec.ts';
import { SharedLog } from './share/shared-log.ts';
import type { Tiered } from './tier/sealer.ts';
import type { TierStore } from './tier/tier-store.ts';

export interface OpenPartition extends Cleanable, Tiered {
  groups: GroupOffsets;
  shared: SharedLog;
  damage: DamageNotes;
}

export function openPartition(
  sql: Sql,
  definition: PartitionDefinition,
  { objects, cold }: { objects: TierStore; cold: ColdPart },
  now: () => number,
): OpenPartition {
  const { topic, partition } = definition;
  const damage = new DamageNotes(`topic ${topic.name} partition ${partition}`);
  const log = new SegmentLog(sql, cold);
  const produced = new ProducedLog(sql, log, now(), damage);
  const compactor = new Compactor(log, zlibCodec, produced, damage);
  const groups = new GroupOffsets(sql, () => log.offsets, now);
  const shared = new SharedLog({
    sql,
    log,
    produced,
    topic: topic.name,
    topicId: topic.id,
    partition,
    damage,
    inflate: zlibCodec.inflate,
    now,
  });
  return { definition, log, produced, compactor, groups, shared, damage, objects };
}
