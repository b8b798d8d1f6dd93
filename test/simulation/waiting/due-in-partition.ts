/** A partition: readers that wait, retention, compaction, dead letters of share groups, offsets that expire. */

import { COMPACTION_DELAY_MS } from '../../../core/log/compaction.ts';
import { hotBytesOf, isSealingDue } from '../../../core/log/tier/sealing.ts';
import { compactionPolicy, retentionPolicy } from '../../../durable-objects/partition/log/clean-up.ts';
import { zlibCodec } from '../../../durable-objects/storage/zlib-codec.ts';
import { PartitionStore } from '../../../durable-objects/partition/log/partition-store.ts';
import { ProducedLog } from '../../../durable-objects/partition/log/produced-log.ts';
import { answerTo } from '../../../durable-objects/partition/read/read-replies.ts';
import { GroupOffsets } from '../../../durable-objects/partition/groups/group-offsets.ts';
import { ShareStore } from '../../../durable-objects/partition/share/share-store.ts';
import { ColdCache } from '../../../durable-objects/partition/tier/cold-cache.ts';
import { ColdSegments } from '../../../durable-objects/partition/tier/cold-segments.ts';
import { TierStore } from '../../../durable-objects/partition/tier/tier-store.ts';
import type { Wait } from '../../../durable-objects/runtime/waiters.ts';
import { Compactor } from '../../../durable-objects/storage/compactor.ts';
import { SegmentLog } from '../../../durable-objects/storage/segment-log.ts';
import type { Due, Look } from './due.ts';

/** After the storage has failed. */
const ANSWER_RETRY_MS = 1_000;
const SEND_RETRY_MS_MAX = 300_000;
const SWEEP_RETRY_MS = 300_000;
const RECHECK_MS = 86_400_000;

export function dueInPartition({ host, sql, nowMs }: Look): Due[] {
  const stored = new PartitionStore(sql).read();
  if (stored === null) return [];
  const { definition, isTiered } = stored;
  const due: Due[] = [];
  const add = (what: string, atMs: number, withinMs = 0): void => void due.push({ what, atMs, withinMs });
  const objects = new TierStore(sql, isTiered);
  // Without what is in the memory of an isolate: a reader of those records asks again.
  const log = new SegmentLog(sql, new ColdSegments(objects, new ColdCache(), ''));
  const retentionMs = log.nextRetention(retentionPolicy(definition), nowMs);
  if (retentionMs !== null) add('retention', retentionMs);
  const policy = compactionPolicy(definition, log.coldBytes > 0);
  if (policy !== null && new Compactor(log, zlibCodec).isDue(policy))
    add('compaction', nowMs, COMPACTION_DELAY_MS);
  const { head, hotBytes } = log;
  if (isSealingDue(hotBytes, head.tail?.bytes ?? 0, hotBytesOf(definition.topic.config)))
    add('segments for the bucket', nowMs, SEND_RETRY_MS_MAX);
  const orphanMs = objects.nextOrphanMs();
  if (orphanMs !== null) add('an object to delete', orphanMs, SWEEP_RETRY_MS);
  if (new ShareStore(sql).nextDeadLetters(0) !== null)
    add('a dead letter of a share group', nowMs, SEND_RETRY_MS_MAX);
  const groups = new GroupOffsets(
    sql,
    () => log.offsets,
    () => nowMs,
  );
  const offsetsMs = groups.nextExpiryMs();
  if (offsetsMs !== null) add('an offset that expires', offsetsMs, RECHECK_MS);
  const waits = (host.openAttachments as (Wait & { answered: boolean })[]).filter(
    ({ answered }) => !answered,
  );
  if (waits.length === 0) return due;
  const produced = new ProducedLog(sql, log, nowMs);
  const open = { definition, log, produced, groups, compactor: new Compactor(log, zlibCodec, produced) };
  for (const wait of waits) {
    if (answerTo(wait, open) !== null)
      add(`a reader waits at ${wait.offset}; its answer`, nowMs, ANSWER_RETRY_MS);
  }
  return due;
}
