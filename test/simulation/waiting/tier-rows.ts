/** What a partition says of the bucket, read from its rows. */

import { tierPrefix } from '../../../core/log/tier/tier-key.ts';
import { PartitionStore } from '../../../durable-objects/partition/log/partition-store.ts';
import type { ObjectHost } from '../platform/object-host.ts';
import { readerOf } from './due.ts';

/** The objects that its rows name, by their whole keys. */
export function objectsIn({ disk }: ObjectHost): { key: string; bytes: number }[] {
  const sql = readerOf(disk);
  const stored = new PartitionStore(sql).read();
  if (!stored?.isTiered) return [];
  const prefix = tierPrefix(stored.definition.topic, stored.definition.partition);
  return sql
    .all<{ key: string; bytes: number }>('SELECT key, bytes FROM cold_objects')
    .map(({ key, bytes }) => ({ key: prefix + key, bytes }));
}

/** The keys that it knows it has to delete. */
export function orphansOf({ disk }: ObjectHost): string[] {
  const sql = readerOf(disk);
  const stored = new PartitionStore(sql).read();
  if (!stored?.isTiered) return [];
  const prefix = tierPrefix(stored.definition.topic, stored.definition.partition);
  return sql.all<{ key: string }>('SELECT key FROM orphans').map(({ key }) => prefix + key);
}
