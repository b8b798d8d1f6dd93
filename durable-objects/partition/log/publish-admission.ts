/** Publish admission: the messages of a publish through an exchange that a partition has not stored before. */

import { partOfExchangeBatch, readExchangeBatch } from '../../../core/log/exchange-batch.ts';
import { storedHeader } from '../../../core/log/fetch.ts';
import type { StagedProducers } from '../../../core/log/producer-state.ts';
import type { PublishRange } from '../../../core/producers/gapped-sequences.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';
import type { BatchHeader } from '../../../protocol/record-batch/index.ts';
import type { AppendBatch } from '../../storage/segment-log.ts';

/** Messages of a publish that are adjacent in the log. */
export interface PublishedRun {
  baseOffset: number;
  recordCount: number;
}

export interface PublishAdmission {
  /** To be appended, from the next offset on. */
  batches: AppendBatch[];
  /** Where all messages are then, in their order. */
  runs: PublishedRun[];
}

interface SequencedPart {
  batch: AppendBatch;
  header: BatchHeader;
  sequences: number[];
}

/**
 * Decides on the messages of a publish, and notes those to be appended.
 * @param batches of core/log/exchange-batch.ts
 * @param nextOffset the offset that the next record gets
 */
export function admitPublish(
  staged: StagedProducers,
  range: PublishRange,
  batches: readonly AppendBatch[],
  nextOffset: number,
): PublishAdmission | Failure {
  const parts = batches.map(readPart);
  const judged = staged.judge(
    range,
    parts.flatMap(({ sequences }) => sequences),
  );
  if (isFailure(judged)) return judged;
  const added: AppendBatch[] = [];
  const runs: PublishedRun[] = [];
  let offset = nextOffset;
  let first = 0;
  for (const { batch, header, sequences } of parts) {
    const offsets = judged.slice(first, first + sequences.length);
    first += sequences.length;
    const fresh = [...offsets.keys()].filter((index) => offsets[index] === null);
    const next =
      fresh.length === sequences.length ? [batch] : fresh.length === 0 ? [] : split(batch, header, fresh);
    let taken = 0;
    for (const one of next) {
      const indexes = fresh.slice(taken, taken + one.lastOffsetDelta + 1);
      taken += indexes.length;
      staged.take(
        range,
        indexes.map((index) => sequences[index]!),
        offset,
        one.maxTimestamp,
      );
      for (const index of indexes) offsets[index] = offset++;
    }
    added.push(...next);
    for (const at of offsets) addToRuns(runs, at!);
  }
  return { batches: added, runs };
}

function readPart(batch: AppendBatch): SequencedPart {
  const header = storedHeader(batch.bytes, batch.at);
  const read = readExchangeBatch(batch.bytes, batch.at, header);
  if (read === null) throw new Error('the router let an exchange batch through that is broken');
  return { batch, header, sequences: read.sequences };
}

function split(batch: AppendBatch, header: BatchHeader, indexes: readonly number[]): AppendBatch[] {
  return partOfExchangeBatch(batch.bytes, batch.at, header, indexes).map((bytes) => {
    const { sizeInBytes, lastOffsetDelta, maxTimestamp } = storedHeader(bytes, 0);
    return { bytes, at: 0, sizeInBytes, lastOffsetDelta, maxTimestamp };
  });
}

function addToRuns(runs: PublishedRun[], offset: number): void {
  const last = runs[runs.length - 1];
  if (last && last.baseOffset + last.recordCount === offset) last.recordCount += 1;
  else runs.push({ baseOffset: offset, recordCount: 1 });
}
