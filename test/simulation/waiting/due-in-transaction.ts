/**
 * A coordinator: the end of an open transaction by time, and of one that has ended the markers that a partition has not got
 * and the messages that are not sent. That all have theirs is not written in its own rows, so the partitions are asked.
 */

import { expiresMs } from '../../../core/transaction/transaction.ts';
import { partitionObjectName } from '../../../core/topology/topics.ts';
import { GroupOffsetsStore } from '../../../durable-objects/partition/groups/group-offsets-store.ts';
import { PartitionStore } from '../../../durable-objects/partition/log/partition-store.ts';
import { SegmentLog } from '../../../durable-objects/storage/segment-log.ts';
import type { Sql } from '../../../durable-objects/storage/sql.ts';
import { MessageStore } from '../../../durable-objects/transaction/message-store.ts';
import {
  TransactionStore,
  type StoredTransaction,
} from '../../../durable-objects/transaction/transaction-store.ts';
import { isDamaged, surveyBatches } from '../../../protocol/record-batch/index.ts';
import { readerOf, type Due, type Look } from './due.ts';

const RETRY_MS = 5_000;

export function dueInTransaction({ host, sql, nowMs, find }: Look): Due[] {
  const state = new TransactionStore(sql).read()?.state;
  if (!state) return [];
  const timeoutMs = expiresMs(state);
  if (timeoutMs !== null) return [{ what: 'the end of a transaction by time', atMs: timeoutMs, withinMs: 0 }];
  const { alarmMs } = host.disk;
  // Out of memory it comes back by the alarm of the time-out, which is set already and costs no row.
  const withinMs = host.isAwake ? RETRY_MS : Math.max(RETRY_MS, state.timeoutMs);
  if (state.phase !== 'ending' || (alarmMs !== null && alarmMs <= nowMs + withinMs)) return [];
  const ended = { id: state.producerId, epoch: state.epoch - 1 };
  if (state.last?.outcome === 'commit' && new MessageStore(sql).count(ended) > 0)
    return [{ what: 'sending the messages of a transaction', atMs: nowMs, withinMs }];
  const missing = Object.values(state.parts).find((part) => {
    const partition = find('Partition', partitionObjectName(part.topic, part.partition));
    return partition !== null && partition.isQuiet && isWithoutMarker(readerOf(partition.disk), state, part);
  });
  if (!missing) return [];
  const where = `${missing.topic.name}/${missing.partition}`;
  return [{ what: `the marker of a transaction in ${where}`, atMs: nowMs, withinMs }];
}

/** Whether something of the transaction is still open there. */
function isWithoutMarker(
  sql: Sql,
  { producerId, epoch, transactionalId }: StoredTransaction,
  { group }: StoredTransaction['parts'][string],
): boolean {
  if (new PartitionStore(sql).read() === null) return false;
  if (group !== undefined) {
    const pending = new GroupOffsetsStore(sql).get(group)?.transactions?.pending ?? [];
    return pending.some((each) => each.transactionalId === transactionalId && each.producerEpoch < epoch);
  }
  let isOpen = false;
  for (const { data, baseOffset, nextOffset } of new SegmentLog(sql).segmentsFrom(0)) {
    for (const piece of surveyBatches(data, baseOffset, nextOffset)) {
      if (isDamaged(piece) || piece.header.producerId !== producerId) continue;
      if (piece.header.isControl) isOpen = false;
      else if (piece.header.isTransactional) isOpen = piece.header.producerEpoch < epoch;
    }
  }
  return isOpen;
}
