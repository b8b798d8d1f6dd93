/** Append replies: what a partition answers to an append. */

import type { Admission } from '../../../core/log/producer-state.ts';
import {
  HIGH_WATERMARK_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  START_OFFSET_HEADER,
} from '../../../protocol/headers/media-types.ts';
import { isFailure } from '../../../protocol/errors.ts';
import { eachRecordKey, isDamaged, surveyBatches } from '../../../protocol/record-batch/index.ts';
import { concatenate } from '../../../protocol/bytes.ts';
import type { ReadResult } from '../../storage/segment-log.ts';
import type { Cleanable } from './clean-up.ts';
import { zlibCodec } from '../../storage/zlib-codec.ts';
import type { AppendedBatch } from '../../rpc/partition.ts';
import type { AppendCommand, LogOutcome, ProducedBatch } from './produced-log.ts';
import type { PublishedRun } from './publish-admission.ts';

/** The caller wants a socket that brings what is not there yet. */
export function isWaiting(request: Request): boolean {
  return request.headers.get('upgrade') === 'websocket';
}

export function batchesReply(
  { log, produced }: Pick<Cleanable, 'log' | 'produced'>,
  offset: number,
  { chunks, nextOffset }: ReadResult,
): Response {
  const batches = concatenate(chunks);
  const headers = offsetHeaders({ log, produced }, offset, nextOffset);
  return new Response(batches, { headers: { ...headers, 'content-length': String(batches.length) } });
}

/** Where a read begins and ends, and what the log has. */
export function offsetHeaders(
  { log, produced }: Pick<Cleanable, 'log' | 'produced'>,
  offset: number,
  nextOffset: number,
): Record<string, string> {
  const { logStartOffset, highWatermark } = log.offsets;
  return {
    [START_OFFSET_HEADER]: String(offset),
    [NEXT_OFFSET_HEADER]: String(nextOffset),
    [HIGH_WATERMARK_HEADER]: String(highWatermark),
    [LOG_START_OFFSET_HEADER]: String(logStartOffset),
    [LAST_STABLE_OFFSET_HEADER]: String(produced.lastStableOffset),
  };
}

/** Returns what was stored. A repetition gets the offsets and times of the first append. */
export function appendReply(
  open: Pick<Cleanable, 'definition' | 'log'>,
  command: AppendCommand,
  outcome: LogOutcome,
): AppendedBatch[] {
  if (command.kind === 'append') return appendedBatches(open, command.batches, outcome as Admission[]);
  const { logStartOffset } = open.log.offsets;
  return (outcome as PublishedRun[]).map((run) => ({ ...run, appendTime: null, logStartOffset }));
}

function appendedBatches(
  { definition, log }: Pick<Cleanable, 'definition' | 'log'>,
  batches: readonly ProducedBatch[],
  admissions: readonly Admission[],
): AppendedBatch[] {
  const stampsAppends = definition.topic.config.timestamp_type === 'append';
  const { logStartOffset } = log.offsets;
  return admissions.map((admission, index) => {
    const { lastOffsetDelta, maxTimestamp } = batches[index]!;
    const answer = { baseOffset: admission.baseOffset, recordCount: lastOffsetDelta + 1, logStartOffset };
    if (admission.kind === 'new') return { ...answer, appendTime: stampsAppends ? maxTimestamp : null };
    return { ...answer, ...storedTimes(log, admission, answer.recordCount, stampsAppends) };
  });
}

/** If the batch is gone or damaged by now, the latest of its timestamps stands for all. */
function storedTimes(
  log: Cleanable['log'],
  { baseOffset, maxTimestamp }: Extract<Admission, { kind: 'duplicate' }>,
  count: number,
  stampsAppends: boolean,
): Pick<AppendedBatch, 'appendTime' | 'storedTimestamps'> {
  const storedTimestamps = new Array<number>(count).fill(maxTimestamp);
  const read = log.read(baseOffset, 1, 1);
  const bytes = isFailure(read) ? new Uint8Array() : concatenate(read.chunks);
  const stored = surveyBatches(bytes, baseOffset, baseOffset + count).find(
    (piece) => !isDamaged(piece) && piece.header.baseOffset === baseOffset,
  );
  if (stored === undefined || isDamaged(stored))
    return { appendTime: stampsAppends ? maxTimestamp : null, storedTimestamps };
  const { at, header } = stored;
  if (header.timestampType === 'append') return { appendTime: header.maxTimestamp };
  eachRecordKey(
    bytes,
    at,
    header,
    ({ offset, timestamp }) => {
      storedTimestamps[offset - baseOffset] = timestamp;
    },
    zlibCodec,
  );
  return { appendTime: null, storedTimestamps };
}
