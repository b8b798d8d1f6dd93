/** What a partition answers. */

import type { Admission } from '../../core/log/producer-state.ts';
import {
  HIGH_WATERMARK_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  START_OFFSET_HEADER,
} from '../../protocol/media-types.ts';
import { concatenate } from '../storage/bytes.ts';
import type { ReadResult } from '../storage/segment-log.ts';
import type { Cleanable } from './clean-up.ts';
import type { AppendedBatch } from './partition-calls.ts';
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
  return new Response(concatenate(chunks), { headers: offsetHeaders({ log, produced }, offset, nextOffset) });
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

/** What was stored, or had been stored before. */
export function appendReply(
  open: Pick<Cleanable, 'definition'>,
  command: AppendCommand,
  outcome: LogOutcome,
): AppendedBatch[] {
  if (command.kind === 'append') return appendedBatches(open, command.batches, outcome as Admission[]);
  return (outcome as PublishedRun[]).map((run) => ({ ...run, appendTime: null }));
}

function appendedBatches(
  { definition }: Pick<Cleanable, 'definition'>,
  batches: readonly ProducedBatch[],
  admissions: readonly Admission[],
): AppendedBatch[] {
  const stampsAppends = definition.topic.config.timestamp_type === 'append';
  return admissions.map((admission, index) => {
    const { lastOffsetDelta, maxTimestamp } = batches[index]!;
    const storedTimestamp = admission.kind === 'duplicate' ? admission.maxTimestamp : maxTimestamp;
    return {
      baseOffset: admission.baseOffset,
      recordCount: lastOffsetDelta + 1,
      appendTime: stampsAppends ? storedTimestamp : null,
    };
  });
}
