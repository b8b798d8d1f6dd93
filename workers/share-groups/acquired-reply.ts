/** Acquired reply: what a member has acquired, as records in JSON or as a frame of stored batches. */

import { concatenate } from '../../protocol/bytes.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { encodeAcquiredFrame } from '../../protocol/frames/acquired-frame.ts';
import { isBatchFailure, splitBatches, visitRecordsAsync } from '../../protocol/record-batch/index.ts';
import type { WrittenRecord } from '../../protocol/schemas/records.ts';
import { formatAcquisitionTag, type AcquiredRecord } from '../../protocol/schemas/share-groups.ts';
import { writtenRecord } from '../../protocol/schemas/written-record.ts';
import { INFLATING } from '../bounds/inflate.ts';
import { countOf, type Acquisition, type Section } from './acquire.ts';

export function countAcquired({ sections }: Acquisition): number {
  return sections.reduce((sum, { result }) => sum + countOf(result), 0);
}

/** @param lockMs instead of the group's */
export function frameOf(
  { group, sections, isAccepted }: Acquisition,
  lockMs: number | undefined,
): Uint8Array | Failure {
  const byPlace = Map.groupBy(sections, ({ place: { topic, partition } }) => `${topic.id}/${partition}`);
  const merged = [...byPlace.values()].map(mergedSection);
  const failed = merged.find((one) => isFailure(one));
  if (failed) return failed;
  return encodeAcquiredFrame({
    lock_duration_ms: isAccepted ? 0 : (lockMs ?? group.config.lock_duration_ms),
    sections: (merged as Merged[]).map(({ place: { topic, partition }, acquired, batches }) => ({
      topic: topic.name,
      topic_id: topic.id,
      partition,
      acquired,
      bytes: batches.length,
      batches,
    })),
  });
}

interface Merged {
  place: Section['place'];
  acquired: [number, number, number][];
  batches: Uint8Array;
}

/** A partition that was asked in several rounds may bring a batch in each: the frame has it once, and all in order. */
function mergedSection(sections: readonly Section[]): Merged | Failure {
  const { place } = sections[0]!;
  const acquired = sections
    .flatMap(({ result }) => result.acquired)
    .map(({ start, end, deliveries }): [number, number, number] => [start, end, deliveries])
    .toSorted(([a], [b]) => a - b);
  if (sections.length === 1) return { place, acquired, batches: sections[0]!.result.batches };
  const byOffset = new Map<number, Uint8Array>();
  for (const { result } of sections) {
    const split = splitBatches(result.batches);
    if (isBatchFailure(split)) return damaged(split.message);
    for (const { at, header } of split)
      byOffset.set(header.baseOffset, result.batches.subarray(at, at + header.sizeInBytes));
  }
  const inOrder = [...byOffset].toSorted(([a], [b]) => a - b);
  return { place, acquired, batches: concatenate(inOrder.map(([, batch]) => batch)) };
}

export async function recordsOf({
  group,
  sections,
  isAccepted,
}: Acquisition): Promise<AcquiredRecord<WrittenRecord>[] | Failure> {
  const records: AcquiredRecord<WrittenRecord>[] = [];
  for (const { place, result } of sections) {
    const { topic, partition } = place;
    const batches = splitBatches(result.batches);
    if (isBatchFailure(batches)) return damaged(batches.message);
    const deliveries = new Map<number, number>();
    for (const { start, end, deliveries: count } of result.acquired)
      for (let offset = start; offset < end; offset++) deliveries.set(offset, count);
    for (const { at, header } of batches) {
      const first = result.acquired[0]?.start ?? 0;
      const failed = await visitRecordsAsync(
        result.batches,
        at,
        header,
        first,
        (record) => {
          if (deliveries.size === 0) return false;
          const delivery = deliveries.get(record.offset);
          if (delivery === undefined) return undefined;
          deliveries.delete(record.offset); // its batch may have come for two runs
          const { offset } = record;
          records.push({
            topic: topic.name,
            partition,
            ...writtenRecord(record),
            acquisition_tag: formatAcquisitionTag({
              groupId: group.id,
              topicId: topic.id,
              partition,
              offset,
              delivery,
            }),
            delivery_count: delivery,
            lock_expires_at: isAccepted ? null : result.expiresAtMs,
          });
          return undefined;
        },
        INFLATING,
      );
      if (failed) return damaged(failed.message);
    }
  }
  return records;
}

function damaged(message: string): Failure {
  console.error(`stored batches cannot be read: ${message}`);
  return failure('internal_error', 'stored batches cannot be read');
}
